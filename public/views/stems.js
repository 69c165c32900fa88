// The voices of a piece: any of them silent or alone, in time with the piece, and each to be saved.

import { download } from "../api.js";
import { element } from "../dom.js";
import { say } from "../text.js";

const DRIFT_SECONDS = 0.06; // further apart than this, a voice is set right

/** While every voice is as usual the mix itself is heard; else the mix is silent and keeps the time for the voices. */
export class Stems {
  constructor(audio, stems, archive) {
    this.audio = audio;
    this.voices = stems.map((stem) => ({ ...stem, muted: false, solo: false, audio: null }));
    const rows = this.voices.map((voice) => this.row(voice));
    this.node = element(
      "details", { className: "stems" }, element("summary", { textContent: say("voices", stems.length) }), element("ul", {}, rows),
      element("p", {}, element("a", { href: archive, download: "", textContent: say("all_stems") })),
    );
    this.heard = Object.entries({
      play: () => this.each((one) => one.play()),
      pause: () => this.each((one) => one.pause()),
      seeked: () => this.align(0),
      timeupdate: () => this.align(DRIFT_SECONDS),
      volumechange: () => this.apply(),
    });
    for (const [kind, act] of this.heard) audio.addEventListener(kind, act);
  }

  end() {
    for (const [kind, act] of this.heard) this.audio.removeEventListener(kind, act);
    for (const voice of this.voices) {
      voice.audio?.pause();
      voice.audio?.removeAttribute("src");
    }
    if (this.parted) this.audio.muted = false;
    this.voices = [];
  }

  row(voice) {
    const toggle = (what) => element("button", {
      type: "button", "aria-pressed": "false", "aria-label": `${say(what)}: ${voice.name}`, textContent: say(what),
      onclick: ({ currentTarget }) => {
        voice[what] = !voice[what];
        currentTarget.setAttribute("aria-pressed", String(voice[what]));
        this.apply();
      },
    });
    return element(
      "li", {}, element("span", { textContent: voice.name.replaceAll("_", " ") }), toggle("muted"), toggle("solo"),
      element("a", { href: download(voice.url), download: "", textContent: say("download"), "aria-label": `${say("download")}: ${voice.name}` }),
    );
  }

  get parted() {
    return this.voices.some(({ muted, solo }) => muted || solo);
  }

  apply() {
    const parted = this.parted;
    const alone = this.voices.some(({ solo }) => solo);
    if (parted) for (const voice of this.voices) voice.audio ??= new Audio(voice.url);
    if (this.audio.muted !== parted && (parted || this.wasParted)) this.audio.muted = parted;
    this.wasParted = parted;
    for (const voice of this.voices) {
      if (!voice.audio) continue;
      voice.audio.muted = !parted || voice.muted || (alone && !voice.solo);
      voice.audio.volume = this.audio.volume;
    }
    this.align(0);
    if (!this.audio.paused) this.each((one) => one.play());
    if (!parted) this.each((one) => one.pause());
  }

  align(slack) {
    this.each((one) => {
      if (Math.abs(one.currentTime - this.audio.currentTime) > slack) one.currentTime = this.audio.currentTime;
    });
  }

  each(act) {
    if (!this.parted && !this.wasParted) return;
    for (const { audio } of this.voices) if (audio) Promise.resolve(act(audio)).catch(() => {}); // a new place came in between
  }
}
