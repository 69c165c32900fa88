// One run: what it does now, and what it made when it has ended.

import * as api from "../api.js";
import { element, fill } from "../dom.js";
import { length, say } from "../text.js";
import { player } from "./player.js";

const OVER = ["success", "failed", "blocked", "cancelled"];

export class RunView {
  constructor(node) {
    this.node = node;
    this.id = null;
  }

  /** Show a run from now on. */
  async follow(id) {
    Object.assign(this, { id, status: "queued", stages: [], fraction: null, warnings: [], answer: null });
    await this.read();
  }

  /** Read how the run stands; the events say when to read again. */
  async read() {
    const id = this.id;
    try {
      const run = await api.detail(id);
      const answer = OVER.includes(run.status) ? await api.answer(id) : null;
      if (id !== this.id) return; // another run was chosen meanwhile
      Object.assign(this, { status: run.status, title: run.title, stages: run.stages, warnings: run.warnings, answer });
      this.draw();
    } catch (error) {
      if (id === this.id) fill(this.node, element("p", { className: "problem", role: "alert", textContent: error.message }));
    }
  }

  hear(event) {
    if (this.id === null || event.run_id !== this.id) return;
    if (event.kind === "progress") {
      this.fraction = event.data.fraction;
      this.drawProgress();
    } else {
      this.read();
    }
  }

  draw() {
    const over = OVER.includes(this.status);
    this.bar = element("progress", { max: 1, "aria-label": say("now") });
    fill(
      this.node,
      element("p", { className: "title", textContent: this.title ?? "" }),
      element("p", { role: "status", "aria-live": "polite", className: `state ${this.status}`, textContent: this.sentence() }),
      over ? null : this.bar,
      over ? this.results() : null,
      this.notes(),
      this.stageList(),
      element("p", { className: "quiet" }, `${say("run")} `, element("code", { textContent: this.id })),
      this.buttons(over),
    );
    if (!over) this.drawProgress();
  }

  drawProgress() {
    if (!this.bar) return;
    const done = this.stages.filter(({ state }) => state === "success" || state === "skipped").length;
    if (this.status === "queued" && this.fraction === null) this.bar.removeAttribute("value");
    else this.bar.value = (done + (this.fraction ?? 0)) / Math.max(1, this.stages.length);
  }

  sentence() {
    const error = this.answer?.error;
    return error ? [say(this.status) + ":", error.message, error.hint].filter(Boolean).join(" ") : say(this.status);
  }

  stageList() {
    const items = this.stages.map(({ name, state, seconds }) =>
      element("li", { className: state }, element("span", { textContent: say(name) }), element("span", { textContent: [say(state), length(seconds)].filter(Boolean).join(", ") })));
    return element("details", { open: !OVER.includes(this.status) }, element("summary", { textContent: say("stages") }), element("ol", { className: "stages" }, items));
  }

  notes() {
    const warnings = this.answer?.warnings ?? this.warnings;
    if (!warnings?.length) return null;
    const items = warnings.map(({ message }) => element("li", { textContent: message }));
    return element("div", { className: "notes", role: "note" }, element("strong", { textContent: say("warnings") }), element("ul", {}, items));
  }

  results() {
    return (this.answer?.media_outputs ?? []).filter(({ url }) => url).map((made) => {
      const used = made.config_used && made.config_used !== made.config ? `${made.config}, ${say("used_instead")} ${made.config_used}` : made.config;
      const facts = [used, length(this.answer.execution_time), made.metadata?.seed === null ? "" : `${say("seed")} ${made.metadata?.seed}`];
      return element(
        "figure", {}, player(made.media_type, made.url, this.title),
        element("figcaption", {}, element("span", { textContent: facts.filter(Boolean).join(" · ") }), " ",
          element("a", { href: api.download(made.url), download: "", textContent: say("download") })),
      );
    });
  }

  buttons(over) {
    const press = (name, action) => element("button", { id: `now-${name}`, type: "button", textContent: say(name), onclick: action });
    return over
      ? press("rerun", async () => this.follow((await api.rerun(this.id)).run_id))
      : press("cancel", async (event) => {
          event.target.disabled = true;
          await api.cancel(this.id).catch(() => this.read()); // it had ended by itself: show that
        });
  }
}
