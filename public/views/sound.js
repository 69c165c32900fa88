// The sound of a run: heard from its first piece on while it is made, then with its outline and its voices.

import * as api from "../api.js";
import { element, fill } from "../dom.js";
import { say } from "../text.js";
import { Stems } from "./stems.js";
import { Waveform } from "./waveform.js";

/** Its node stays while the run is drawn again and again: a player that is taken out of the page falls silent. */
export class Sound {
  constructor() {
    this.node = element("figure", { className: "sound" });
    this.clear();
  }

  clear() {
    this.waveform?.end();
    this.stems?.end();
    this.audio?.pause();
    Object.assign(this, { id: null, audio: null, url: null, isLive: false, waveform: null, stems: null });
    fill(this.node);
  }

  /** The run's first piece is there: play what there is, and what comes. */
  live(id, title) {
    if (this.id === id) return;
    this.clear();
    this.id = id;
    this.isLive = true;
    this.audio = this.player(api.stream(id), title);
    this.line = element("p", { className: "quiet", textContent: say("heard_while_made") });
    fill(this.node, this.audio, this.line);
    this.audio.play().catch(() => {}); // a browser may want a click first: the player has a button for it
  }

  /** The run's sound is made: its file takes the stream's place, at once or when that is paused. */
  async made(id, title, { url, seconds }, links) {
    if (this.url === url) return;
    if (this.id !== id) this.clear();
    this.id = id;
    this.url = url;
    this.audio ??= this.player(url, title);
    if (this.isLive) {
      this.line.textContent = say("made_now");
      if (this.audio.paused) this.settle();
    }
    fill(this.node, this.audio, this.isLive ? this.line : null);
    const [peaks, stems] = await Promise.all([api.peaks(id), api.stems(id)]).catch(() => [null, []]);
    if (this.url !== url) return; // another run was chosen in the meantime
    if (peaks) this.waveform = new Waveform(this.audio, { peaks, seconds, seek: (place) => this.seek(place) });
    this.stems = stems.length ? new Stems(this.audio, stems, api.archive(id)) : null;
    fill(this.node, this.waveform?.node, this.audio, this.isLive ? this.line : null, links, this.stems?.node);
  }

  player(src, title) {
    const audio = element("audio", { controls: true, preload: "metadata", src, "aria-label": title });
    audio.addEventListener("pause", () => this.url && this.settle());
    audio.addEventListener("error", () => this.isLive && this.silent());
    return audio;
  }

  /** Go over from the stream to the file, at the same place. */
  settle(at = this.audio.currentTime) {
    if (!this.isLive) return;
    const goesOn = !this.audio.paused && !this.audio.ended;
    const place = this.audio.ended ? 0 : at;
    this.isLive = false;
    this.line?.remove();
    this.audio.src = this.url;
    this.audio.currentTime = place;
    if (goesOn) this.audio.play().catch(() => {}); // it was paused in between
  }

  seek(seconds) {
    if (this.isLive) this.settle(seconds);
    else this.audio.currentTime = seconds;
  }

  /** The stream cannot be played: say so, and wait for the file. */
  silent() {
    if (this.url) {
      this.settle();
      return;
    }
    const { id } = this;
    this.clear();
    this.id = id;
    fill(this.node, element("p", { className: "quiet", textContent: say("not_heard") }));
  }
}
