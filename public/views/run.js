// One run: what it does now, and what it made when it has ended.

import * as api from "../api.js";
import { element, fill } from "../dom.js";
import { between, length, say } from "../text.js";
import { taken } from "./brief.js";
import { player } from "./player.js";
import { Sound } from "./sound.js";

const OVER = ["success", "failed", "blocked", "cancelled"];

const isHeard = ({ media_type: media }) => media === "audio";

export class RunView {
  constructor(node) {
    this.node = node;
    this.id = null;
    this.asked = 0;
    // These stay: a screen reader tells what changes in them, but not that they are new.
    this.state = element("p", { role: "status", "aria-live": "polite" });
    this.name = element("p", { className: "title" });
    this.place = element("p", { className: "quiet" });
    this.body = element("div");
    this.sound = new Sound();
  }

  /** Show a run from now on. */
  async follow(id) {
    this.sound.clear();
    fill(this.node, this.state, this.name, this.place, this.sound.node, this.body);
    Object.assign(this, { id, status: "queued", title: "", stages: [], fraction: 0, warnings: [], answer: null });
    await this.read();
  }

  /** Read how the run stands; the events say when to read again. */
  async read() {
    if (this.id === null) return;
    const asked = ++this.asked;
    try {
      const { status, title, stages, warnings, entities, queue, eta } = await api.detail(this.id);
      const answer = OVER.includes(status) ? await api.answer(this.id) : null;
      if (asked !== this.asked) return; // a later question is on its way, or another run was chosen
      Object.assign(this, { status, title, stages, warnings, entities, answer });
      this.draw();
      this.tellPlace({ position: queue?.position, eta });
    } catch (error) {
      if (asked === this.asked) this.say(error.message, "problem");
    }
  }

  hear(event) {
    if (event.run_id !== this.id || this.id === null || this.answer) return;
    if (event.kind === "progress") {
      this.fraction = event.data.fraction;
      this.drawProgress();
    } else if (event.kind === "partial") {
      if (event.take === 1) this.sound.live(this.id, this.title);
    } else {
      this.read();
    }
  }

  /** What of the queue is this run: where it stands, and when it will be done. */
  waits(entries) {
    const own = entries.filter(({ run_id: id }) => id && id === this.id);
    this.tellPlace(own[0] ? { position: Math.min(...own.map(({ position }) => position)), eta: own.at(-1).eta } : null);
  }

  tellPlace(place) {
    if (OVER.includes(this.status)) place = null;
    const where = place?.position ? `${say("position_short")} ${place.position}` : "";
    this.place.textContent = [where, place?.eta ? `${say("done_in")} ${between(place.eta)}` : ""].filter(Boolean).join(" · ");
  }

  say(text, className) {
    Object.assign(this.state, { textContent: text, className });
  }

  draw() {
    const over = OVER.includes(this.status);
    this.say(this.sentence(), `state ${this.status}`);
    this.name.textContent = this.title;
    this.bar = over ? null : element("progress", { max: 1, "aria-label": say("now") });
    fill(
      this.body,
      this.bar,
      over ? this.results() : null,
      this.textUsed(),
      taken(this.answer),
      this.notes(),
      this.stageList(),
      element("p", { className: "quiet" }, `${say("run")} `, element("code", { textContent: this.id })),
      this.buttons(over),
    );
    this.drawProgress();
    const heard = over ? this.outputs().find(isHeard) : null;
    if (over && !heard) this.sound.clear();
    else if (heard) this.sound.made(this.id, this.title, { url: heard.url, seconds: heard.metadata.facts.seconds }, this.caption(heard));
  }

  /** The bar counts the stages that make media: the others take no time. While the run waits it only moves. */
  drawProgress() {
    if (!this.bar || this.status === "queued") return;
    const making = this.stages.filter(({ kind }) => kind === "graph");
    const done = making.filter(({ state }) => state === "success" || state === "skipped").length;
    this.bar.value = Math.min(1, (done + this.fraction) / Math.max(1, making.length));
  }

  sentence() {
    const error = this.answer?.error;
    return error ? [`${say(this.status)}:`, error.message, error.hint].filter(Boolean).join(" ") : say(this.status);
  }

  stageList() {
    const items = this.stages.map(({ name, state, seconds }) =>
      element("li", { className: state }, element("span", { textContent: say(name) }), element("span", { textContent: [say(state), length(seconds)].filter(Boolean).join(", ") })));
    return element("details", { open: !OVER.includes(this.status) }, element("summary", { textContent: say("stages") }), element("ol", { className: "stages" }, items));
  }

  textUsed() {
    const { input_text: input, final_output: used } = this.answer ?? {};
    return used && used !== input ? element("p", { className: "used" }, element("strong", { textContent: `${say("text")}: ` }), used) : null;
  }

  notes() {
    const warnings = this.answer?.warnings ?? this.warnings;
    if (!warnings?.length) return null;
    const items = warnings.map(({ message }) => element("li", { textContent: message }));
    return element("div", { className: "notes", role: "note" }, element("strong", { textContent: say("warnings") }), element("ul", {}, items));
  }

  outputs() {
    return (this.answer?.media_outputs ?? []).filter(({ url }) => url);
  }

  /** Everything that was made but the sound that has a player of its own. */
  results() {
    const made = this.outputs();
    const heard = made.find(isHeard);
    const others = made.filter((one) => one !== heard);
    return [
      ...others.map((one) => element("figure", {}, player(one.media_type, one.url, this.title), this.caption(one))),
      ...made.flatMap(({ url, stages }) => (stages ?? []).filter((one) => one.role === "main" && one.url !== url)).map((one) => this.ofStage(one)),
    ];
  }

  /** What another stage of the pipeline made on the way: a draft, a film. */
  ofStage({ stage, media, url }) {
    const name = say(stage);
    return element(
      "figure", {}, player(media, url, `${this.title} (${name})`),
      element("figcaption", {}, element("span", { textContent: `${say("from_stage")} “${name}”` }), " ", element("a", { href: api.download(url), download: "", textContent: say("download") })),
    );
  }

  caption(made) {
    const used = made.config_used && made.config_used !== made.config ? `${made.config}, ${say("used_instead")} ${made.config_used}` : made.config;
    const facts = [used, length(this.answer.execution_time), made.metadata?.seed === null ? "" : `${say("seed")} ${made.metadata?.seed}`];
    const link = (url, text) => element("a", { href: api.download(url), download: "", textContent: text });
    const notes = isHeard(made) && this.entities?.some(({ role }) => role === "midi");
    return element(
      "figcaption", {}, element("span", { textContent: facts.filter(Boolean).join(" · ") }), " ",
      element("span", { className: "files" }, link(made.url, say("download")),
        (made.formats ?? []).map(({ format, url }) => link(url, format.toUpperCase())), notes ? link(api.midi(this.id), say("notes_midi")) : null),
    );
  }

  buttons(over) {
    const press = (name, action) => element("button", { id: `now-${name}`, type: "button", textContent: say(name), onclick: action });
    return over
      ? press("rerun", async () => this.follow((await api.rerun(this.id)).run_id))
      : press("cancel", async (event) => {
          event.target.disabled = true;
          this.say(say("cancelling"), "state");
          await api.cancel(this.id).catch(() => this.read()); // it had ended by itself: show that
        });
  }
}
