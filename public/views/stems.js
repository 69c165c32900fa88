// The voices of a piece: any of them silent or alone, in time with the piece, and each to be saved.

import { download } from "../api.js";
import { element } from "../dom.js";
import { say } from "../text.js";

const DRIFT_SECONDS = 0.1; // further apart than this, the voices are gathered again
const ENOUGH = HTMLMediaElement.HAVE_FUTURE_DATA;

/** While every voice is as usual the mix itself is heard; else the mix is silent and keeps the time for the voices. */
export class Stems {
  constructor(audio, stems, archive) {
    this.audio = audio;
    this.parted = false;
    this.voices = stems.map((stem) => ({ ...stem, muted: false, solo: false, audio: null }));
    this.node = element(
      "details", { className: "stems" }, element("summary", { textContent: say("voices", stems.length) }),
      element("ul", {}, this.voices.map((voice) => this.row(voice))),
      element("p", {}, element("a", { href: archive, download: "", textContent: say("all_stems") })),
    );
    this.heard = Object.entries({
      play: () => this.parted && !this.gathering && this.gather(),
      pause: () => this.parted && !this.gathering && this.each((one) => one.pause()),
      seeked: () => this.parted && !this.gathering && this.gather(),
      timeupdate: () => this.parted && !this.gathering && this.drift > DRIFT_SECONDS && this.gather(),
      volumechange: () => this.each((one) => { one.volume = this.audio.volume; }),
    });
    for (const [kind, act] of this.heard) audio.addEventListener(kind, act);
  }

  end() {
    for (const [kind, act] of this.heard) this.audio.removeEventListener(kind, act);
    this.each((one) => {
      one.pause();
      one.removeAttribute("src");
    });
    this.voices = [];
  }

  row(voice) {
    const name = say(voice.name);
    const toggle = (what) => element("button", {
      type: "button", "aria-pressed": "false", "aria-label": `${say(what)}: ${name}`, textContent: say(what),
      onclick: ({ currentTarget }) => {
        voice[what] = !voice[what];
        currentTarget.setAttribute("aria-pressed", String(voice[what]));
        this.apply();
      },
    });
    return element(
      "li", {}, element("span", { textContent: name }), toggle("muted"), toggle("solo"),
      element("a", { href: download(voice.url), download: "", textContent: say("download"), "aria-label": `${say("download")}: ${name}` }),
    );
  }

  /** Make heard what the buttons say. */
  apply() {
    const alone = this.voices.some(({ solo }) => solo);
    const before = this.parted;
    this.parted = alone || this.voices.some(({ muted }) => muted);
    if (this.parted) for (const voice of this.voices) voice.audio ??= Object.assign(new Audio(voice.url), { preload: "auto", volume: this.audio.volume });
    for (const { audio, muted, solo } of this.voices) if (audio) audio.muted = muted || (alone && !solo);
    if (this.parted !== before) this.audio.muted = this.parted;
    if (this.parted && !before) this.gather();
    if (!this.parted) this.each((one) => one.pause());
  }

  get drift() {
    const running = this.voices.filter(({ audio }) => audio && !audio.ended);
    return Math.max(0, ...running.map(({ audio }) => Math.abs(audio.currentTime - this.audio.currentTime)));
  }

  /** Bring all to the same place and start them together: one by one each would be late by its own search. */
  async gather() {
    this.gathering = true;
    const goesOn = !this.audio.paused;
    this.audio.pause();
    this.each((one) => one.pause());
    const place = this.audio.currentTime;
    await Promise.all([there(this.audio, place), ...this.voices.map(({ audio }) => audio && there(audio, place))]);
    if (goesOn && this.parted) this.each((one) => one.play());
    if (goesOn) await this.audio.play().catch(() => {}); // somebody paused it in between
    await new Promise((done) => setTimeout(done)); // the events of what was done here are no wishes
    this.gathering = false;
  }

  each(act) {
    for (const { audio } of this.voices) if (audio) Promise.resolve(act(audio)).catch(() => {}); // paused before it began
  }
}

/** Resolves when a sound is at a place and could go on from there, or never will. */
async function there(audio, place) {
  if (Math.abs(audio.currentTime - place) > 0.005) audio.currentTime = place;
  const waits = () => !audio.error && (audio.seeking || (audio.readyState < ENOUGH && !(audio.duration - place < 0.1)));
  while (waits()) {
    await new Promise((changed) => {
      for (const kind of ["seeked", "canplay", "loadedmetadata", "error"]) audio.addEventListener(kind, changed, { once: true });
    });
  }
}
