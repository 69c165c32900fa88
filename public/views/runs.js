// The runs before this one: all of them, or those that were looked for.

import * as api from "../api.js";
import { element, fill } from "../dom.js";
import { length, say, when } from "../text.js";

const PAGE = 20;
const ACTIVE = ["queued", "running"];
const STATES = [...ACTIVE, "success", "failed", "blocked", "cancelled"];

/** What is written so far as a query: the last word may go on. */
const asQuery = (text) => (text.split('"').length % 2 ? text.trim().replace(/([\p{L}\p{N}])$/u, "$1*") : text);

export class RunList {
  constructor(node, onChosen) {
    this.onChosen = onChosen;
    this.asked = false;
    this.shown = PAGE;
    this.node = element("div");
    const again = () => {
      this.shown = PAGE;
      this.refresh();
    };
    this.text = element("input", { id: "find-text", type: "search", maxLength: 400, placeholder: say("find"), "aria-label": say("find"), oninput: again });
    const states = ["", ...STATES].map((value) => element("option", { value, textContent: say(value || "any_state") }));
    this.state = element("select", { id: "find-state", "aria-label": say("state"), onchange: again }, states);
    fill(node, element("div", { className: "find", role: "search" }, this.text, this.state), this.node);
  }

  /** As many pages as are shown; `next` says where an older one would begin. */
  async read() {
    const wanted = { q: asQuery(this.text.value), status: this.state.value, limit: PAGE };
    let { runs, next_before: next } = await api.runs(wanted);
    while (next && runs.length < this.shown) {
      const page = await api.runs({ ...wanted, before: next });
      runs = [...runs, ...page.runs];
      next = page.next_before;
    }
    return { runs, next, found: Boolean(wanted.q || wanted.status) };
  }

  /** Read the list again; many events at once read it once. */
  refresh() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(async () => {
      this.asked = false;
      const turn = (this.turn = {}); // an answer that comes after a newer question is not drawn
      try {
        const read = await this.read();
        if (turn === this.turn) this.draw(read);
      } catch (error) {
        fill(this.node, element("p", { className: "problem", role: "alert", textContent: error.message }));
      }
    });
  }

  draw({ runs, next, found }) {
    if (!runs.length) {
      fill(this.node, element("p", { className: "quiet", textContent: say(found ? "nothing_found" : "no_runs") }));
      return;
    }
    const older = () => {
      this.shown = runs.length + PAGE;
      this.refresh();
    };
    const heads = ["what", "state", "time", "created", "actions"].map((name) => element("th", { scope: "col", textContent: say(name) }));
    fill(this.node, element("table", {}, element("thead", {}, element("tr", {}, heads)), element("tbody", {}, runs.map((run) => this.row(run)))),
      next ? element("button", { id: "older", type: "button", textContent: say("older"), onclick: older }) : null);
  }

  row(run) {
    const press = (name, action) =>
      element("button", { id: `${name}-${run.run_id}`, type: "button", textContent: say(name), "aria-label": `${say(name)}: ${run.title}`, onclick: action });
    const plays = run.media?.length > 0;
    const file = plays ? run.media.find(({ role }) => role === "main") ?? run.media[0] : null;
    return element(
      "tr", {},
      element("td", {}, element("strong", { textContent: run.title }), element("small", { textContent: [run.schema, run.output_config].filter(Boolean).join(" → ") })),
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
