// What was understood of the text, while it is typed: each field with where it is from, to be corrected and held.

import * as api from "../api.js";
import { element, fill } from "../dom.js";
import { language } from "../text.js";

const PAUSE_MS = 250;
const EN = {
  title: "Understood", use: "Use it for what the settings leave open", hold: "Hold", held: "Held", more: "Say something else",
  change: "change", quoted: (said) => `“${said}”`, unmatched: "Not understood", none: "Nothing is said yet.",
  ask: "Let a language model fill the rest", asking: "Asking …", model: "the model's", taken: "From your words",
  summary: (said, unmatched, conflicts) => [
    `${said} ${said === 1 ? "thing" : "things"} understood`,
    unmatched && `${unmatched} ${unmatched === 1 ? "word" : "words"} not`,
    conflicts && `${conflicts} ${conflicts === 1 ? "contradiction" : "contradictions"}`,
  ],
  user: "said", parsed: "concluded", llm: "the model's", "genre default": "usual for the genre", locked: "yours",
  genre: "Genre", sub_genre: "Style", era: "Era", moods: "Mood", bpm: "Tempo", key: "Key", mode: "Mode", time_signature: "Metre",
  duration_seconds: "Length", instruments: "Instruments", vocals: "Voice", language: "Language", structure: "Sections",
  texture: "Texture", production: "Production", avoid: "Not wanted", variations: "Versions", seed: "Start value", format: "Format",
};
const DE = {
  title: "Verstanden", use: "Verwenden, wo die Einstellungen es offen lassen", hold: "Festhalten", held: "Fest", more: "Noch etwas sagen",
  change: "ändern", quoted: (said) => `„${said}“`, unmatched: "Nicht verstanden", none: "Noch ist nichts gesagt.",
  ask: "Ein Sprachmodell den Rest füllen lassen", asking: "Wird gefragt …", model: "vom Modell", taken: "Aus deinen Worten",
  summary: (said, unmatched, conflicts) => [
    `${said} ${said === 1 ? "Angabe" : "Angaben"} verstanden`,
    unmatched && `${unmatched} ${unmatched === 1 ? "Wort" : "Wörter"} nicht`,
    conflicts && `${conflicts} ${conflicts === 1 ? "Widerspruch" : "Widersprüche"}`,
  ],
  user: "gesagt", parsed: "erschlossen", llm: "vom Modell", "genre default": "im Genre üblich", locked: "von dir",
  genre: "Genre", sub_genre: "Stil", era: "Zeit", moods: "Stimmung", bpm: "Tempo", key: "Tonart", mode: "Tongeschlecht", time_signature: "Takt",
  duration_seconds: "Länge", instruments: "Instrumente", vocals: "Stimme", language: "Sprache", structure: "Abschnitte",
  texture: "Textur", production: "Produktion", avoid: "Nicht erwünscht", variations: "Fassungen", seed: "Startwert", format: "Format",
};
const WORDS = language === "de" ? DE : EN;
const UNITS = { bpm: "bpm", duration_seconds: "s" };

const shown = (name, value) => [Array.isArray(value) ? value.join(", ") : value, UNITS[name]].filter((part) => part !== undefined).join(" ");
const unseen = (text) => element("span", { className: "unseen", textContent: text });

/** A control for a field's value, by its JSON Schema; `read()` gives the value, null for none. */
function editor(name, schema, value) {
  const one = schema.anyOf.find(({ type }) => type !== "null");
  if (one.enum) {
    const node = element("select", {}, ["", ...one.enum].map((choice) => element("option", { value: choice, textContent: choice, selected: choice === (value ?? "") })));
    return { node, read: () => node.value || null };
  }
  if (one.type === "array") {
    const node = element("input", { type: "text", value: (value ?? []).join(", ") });
    return { node, read: () => { const items = node.value.split(",").map((item) => item.trim()).filter(Boolean); return items.length ? items : null; } };
  }
  if (one.type === "string") {
    const node = element("input", { type: "text", maxLength: one.maxLength, value: value ?? "" });
    return { node, read: () => node.value.trim() || null };
  }
  const node = element("input", { type: "number", min: one.minimum ?? 0, max: one.maximum, step: one.type === "integer" ? 1 : "any", value: value ?? "" });
  return { node, read: () => (node.value === "" ? null : Number(node.value)) };
}

/** What an ended run took from its words; nothing where it took none. */
export function taken(answer) {
  const said = (answer?.media_output?.metadata?.brief ?? []).filter(({ parameter }) => parameter);
  if (!said.length) return null;
  const list = said.map(({ field, used }) => `${WORDS[field] ?? field} ${shown(field, used)}`).join(", ");
  return element("p", { className: "quiet", id: "taken", textContent: `${WORDS.taken}: ${list}` });
}

/** The panel. `text()` gives what describes the music, or null where nothing does; `schema` is that of a brief's values. */
export class Brief {
  constructor(schema, text) {
    Object.assign(this, { schema, text, locked: {}, invented: {}, answer: null, open: "", asking: null, timer: 0 });
    this.use = element("input", { type: "checkbox", id: "brief-use", checked: true, onchange: () => this.draw() });
    this.status = element("p", { role: "status", className: "quiet" });
    this.problem = element("p", { role: "alert", className: "refused" });
    this.model = element("button", { type: "button", textContent: WORDS.ask, onclick: () => this.askModel() });
    this.list = element("ul", { className: "brief-fields" });
    this.below = element("div");
    this.view = element("section", { id: "brief", "aria-labelledby": "brief-title", hidden: true },
      element("h3", { id: "brief-title", textContent: WORDS.title }), this.status, this.list, this.below, this.model, this.problem,
      element("label", { className: "check" }, this.use, ` ${WORDS.use}`));
  }

  /** What a request says of it: true, false, or the values that are held. */
  asked() {
    if (!this.use.checked || this.view.hidden) return this.use.checked;
    return Object.keys(this.locked).length ? this.locked : true;
  }

  /** The text has changed: read it when the typing pauses. */
  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.read(), PAUSE_MS);
  }

  async read() {
    clearTimeout(this.timer);
    this.asking?.abort();
    const text = this.text();
    this.view.hidden = text === null || (!text.trim() && !Object.keys(this.locked).length);
    if (this.view.hidden) return;
    const asking = this.asking = new AbortController();
    try {
      const answer = await api.parse({ text: text.slice(0, 10000), locked: this.locked }, asking.signal);
      Object.assign(this, { answer: { ...answer, text } });
      this.problem.textContent = "";
      this.draw();
    } catch (error) {
      if (asking.signal.aborted) return;
      this.problem.textContent = error.message;
      const refused = (error.field ?? "").replace("locked.", "");
      if (!(refused in this.locked)) return;
      delete this.locked[refused];
      this.read().then(() => { this.problem.textContent = error.message; });
    }
  }

  /** What a language model says of what is left open is held from then on, like a correction. */
  async askModel() {
    Object.assign(this.model, { disabled: true, textContent: WORDS.asking });
    try {
      const { brief, warnings } = await api.parse({ text: this.text().slice(0, 10000), locked: this.locked, llm: true });
      for (const [name, reading] of Object.entries(brief)) {
        if (reading?.origin === "llm") this.locked[name] = this.invented[name] = reading.value;
      }
      await this.read();
      this.problem.textContent = warnings.map(({ message }) => message).join(" ");
    } catch (error) {
      this.problem.textContent = error.message;
    } finally {
      Object.assign(this.model, { disabled: false, textContent: WORDS.ask });
    }
  }

  origin(name, reading) {
    if (!(name in this.locked)) return reading.origin;
    return this.locked[name] === this.invented[name] ? "model" : "locked";
  }

  hold(name, value) {
    if (value === null) delete this.locked[name];
    else this.locked[name] = value;
    this.open = "";
    return this.read().then(() => document.getElementById(`brief-${name}`)?.focus());
  }

  draw() {
    if (!this.answer) return;
    const { brief, unmatched, conflicts, notes } = this.answer;
    const known = Object.entries(brief).filter(([, reading]) => reading);
    const said = known.filter(([, { origin }]) => origin !== "genre default").length;
    this.status.textContent = said ? WORDS.summary(said, unmatched.length, conflicts.length).filter(Boolean).join(", ") : WORDS.none;
    this.list.classList.toggle("unused", !this.use.checked);
    const open = this.open && !brief[this.open] ? [[this.open, null]] : [];
    fill(this.list, [...known, ...open].map(([name, reading]) => this.item(name, reading)));
    const words = unmatched.length ? element("p", { className: "unmatched" }, `${WORDS.unmatched}: `, unmatched.map(({ word }) => [element("mark", { textContent: word }), " "])) : null;
    const told = [...conflicts.map(({ message }) => message), ...notes];
    const list = told.length ? element("ul", { className: "notes" }, told.map((message) => element("li", { textContent: message }))) : null;
    fill(this.below, words, list, this.adder(Object.keys(brief).filter((name) => !brief[name])));
  }

  item(name, reading) {
    const isHeld = name in this.locked;
    const label = element("span", { className: "name", id: `brief-${name}-name`, textContent: WORDS[name] ?? name });
    if (name === this.open) return element("li", { className: "editing" }, label, this.editing(name, reading?.value));
    const from = reading.span ? WORDS.quoted([...this.answer.text].slice(...reading.span).join("")) : "";
    const value = element("button", { type: "button", id: `brief-${name}`, className: "value", onclick: () => this.edit(name) },
      shown(name, reading.value), unseen(` ${WORDS.change}`));
    const lock = element("button", { type: "button", id: `brief-${name}-hold`, className: "hold", "aria-pressed": String(isHeld), onclick: () => this.hold(name, isHeld ? null : reading.value).then(() => document.getElementById(`brief-${name}-hold`)?.focus()) },
      isHeld ? WORDS.held : WORDS.hold, unseen(` ${WORDS[name] ?? name}`));
    const origin = element("span", { className: "origin", textContent: [WORDS[this.origin(name, reading)], from].filter(Boolean).join(" ") });
    return element("li", { "data-field": name, "data-origin": this.origin(name, reading) }, label, value, origin, lock);
  }

  edit(name) {
    this.open = name;
    this.draw();
    document.getElementById(`brief-${name}`)?.focus();
  }

  editing(name, value) {
    const { node, read } = editor(name, this.schema.properties[name], value);
    node.id = `brief-${name}`;
    node.setAttribute("aria-labelledby", `brief-${name}-name`);
    const done = () => {
      if (!node.isConnected || this.open !== name) return;
      if (!node.reportValidity()) return;
      this.hold(name, read());
    };
    node.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        event.preventDefault(); // or the form would start a run
        done();
      }
      if (event.key !== "Escape") return;
      this.open = "";
      this.draw();
      document.getElementById(`brief-${name}`)?.focus();
    });
    if (node.tagName === "SELECT") node.addEventListener("change", done);
    else node.addEventListener("blur", done);
    return node;
  }

  adder(names) {
    if (!names.length) return null;
    const node = element("select", { id: "brief-more", onchange: () => this.edit(node.value) },
      element("option", { value: "", textContent: `${WORDS.more} …` }), names.map((name) => element("option", { value: name, textContent: WORDS[name] ?? name })));
    node.setAttribute("aria-label", WORDS.more);
    return node;
  }
}
