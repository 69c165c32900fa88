// The runs before this one.

import * as api from "../api.js";
import { element, fill } from "../dom.js";
import { length, say, when } from "../text.js";

const SHOWN = 20;
const ACTIVE = ["queued", "running"];

export class RunList {
  constructor(node, onChosen) {
    this.node = node;
    this.onChosen = onChosen;
    this.asked = false;
  }

  /** Read the list again; many events at once read it once. */
  refresh() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(async () => {
      this.asked = false;
      try {
        this.draw(await api.runs(SHOWN));
      } catch (error) {
        fill(this.node, element("p", { className: "problem", role: "alert", textContent: error.message }));
      }
    });
  }

  draw(runs) {
    if (!runs.length) {
      fill(this.node, element("p", { className: "quiet", textContent: say("no_runs") }));
      return;
    }
    const heads = ["what", "state", "time", "created", "actions"].map((name) => element("th", { scope: "col", textContent: say(name) }));
    fill(this.node, element("table", {}, element("thead", {}, element("tr", {}, heads)), element("tbody", {}, runs.map((run) => this.row(run)))));
  }

  row(run) {
    const press = (name, action) =>
      element("button", { id: `${name}-${run.run_id}`, type: "button", textContent: say(name), "aria-label": `${say(name)}: ${run.title}`, onclick: action });
    const plays = run.media?.length > 0;
    const file = plays ? run.media.find(({ role }) => role === "main") ?? run.media[0] : null;
    return element(
      "tr", {},
      element("td", {}, element("strong", { textContent: run.title }), element("small", { textContent: `${run.schema} → ${run.output_config}` })),
      element("td", {}, element("span", { className: `badge ${run.status}`, textContent: say(run.status) })),
      element("td", { className: "number", textContent: length(run.execution_time) }),
      element("td", {}, element("time", { dateTime: run.created_at, textContent: when(run.created_at) })),
      element("td", {}, element("div", { className: "actions" },
        press(plays ? "play" : "show", () => this.choose(run.run_id, plays)),
        ACTIVE.includes(run.status)
          ? press("cancel", () => api.cancel(run.run_id).catch(() => this.refresh())) // it had ended by itself
          : press("rerun", async () => this.onChosen((await api.rerun(run.run_id)).run_id)),
        file ? element("a", { href: api.download(file.url), download: "", textContent: say("download") }) : null)),
    );
  }

  async choose(id, play) {
    await this.onChosen(id);
    const media = document.querySelector("#now audio, #now video");
    if (play && media) await media.play();
    document.getElementById("now").scrollIntoView({ block: "nearest" });
  }
}
