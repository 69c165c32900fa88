// A sound's outline on a canvas; it shows where the sound is, and takes it elsewhere by pointer or key.

import { element } from "../dom.js";
import { say } from "../text.js";

const HEIGHT = 96;
const STEP_SECONDS = 5;
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

export class Waveform {
  /** `seek` gets seconds; `peaks` is audiowaveform's JSON, `seconds` the sound's length. */
  constructor(audio, { peaks, seconds, seek }) {
    Object.assign(this, { audio, seconds, seek, extremes: columns(peaks) });
    this.node = element("canvas", {
      className: "waveform", role: "slider", tabIndex: 0, "aria-label": say("position"), "aria-valuemin": 0, "aria-valuemax": Math.round(seconds),
      onpointerdown: (event) => this.point(event), onpointermove: (event) => event.buttons & 1 && this.point(event), onkeydown: (event) => this.key(event),
    });
    const draw = () => this.draw();
    for (const kind of ["timeupdate", "seeked", "loadedmetadata"]) audio.addEventListener(kind, draw);
    this.sizes = new ResizeObserver(draw);
    this.sizes.observe(this.node);
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.dark.addEventListener("change", draw);
    this.end = () => {
      for (const kind of ["timeupdate", "seeked", "loadedmetadata"]) audio.removeEventListener(kind, draw);
      this.sizes.disconnect();
      this.dark.removeEventListener("change", draw);
    };
  }

  draw() {
    const width = this.node.clientWidth;
    if (!width) return;
    const scale = window.devicePixelRatio || 1;
    Object.assign(this.node, { width: Math.round(width * scale), height: Math.round(HEIGHT * scale) });
    const colours = getComputedStyle(this.node);
    const paint = this.node.getContext("2d");
    paint.scale(scale, scale);
    const at = Math.min(1, this.audio.currentTime / this.seconds);
    const bars = Math.max(1, Math.floor(width / 3));
    for (let bar = 0; bar < bars; bar += 1) {
      const [low, high] = this.range(bar / bars, (bar + 1) / bars);
      paint.fillStyle = colours.getPropertyValue((bar + 0.5) / bars <= at ? "--main" : "--wave");
      const top = (HEIGHT / 2) * (1 - high);
      paint.fillRect(bar * (width / bars), top, 2, Math.max(1.5, (HEIGHT / 2) * (1 - low) - top));
    }
    paint.fillStyle = colours.getPropertyValue("--text");
    paint.fillRect(Math.min(width - 1.5, at * width), 0, 1.5, HEIGHT);
    const now = Math.floor(this.audio.currentTime);
    if (this.node.getAttribute("aria-valuenow") !== String(now)) {
      this.node.setAttribute("aria-valuenow", now);
      this.node.setAttribute("aria-valuetext", say("position_of", clock(now), clock(this.seconds)));
    }
  }

  /** The lowest and highest sample between two places, 0 to 1, on a scale of 1. */
  range(from, to) {
    const first = Math.floor(from * this.extremes.length);
    const some = this.extremes.slice(first, Math.max(first + 1, Math.floor(to * this.extremes.length)));
    return [Math.min(...some.map(([low]) => low)), Math.max(...some.map(([, high]) => high))];
  }

  point(event) {
    const box = this.node.getBoundingClientRect();
    this.to(((event.clientX - box.left) / box.width) * this.seconds);
  }

  key(event) {
    const now = this.audio.currentTime;
    const places = { ArrowLeft: now - STEP_SECONDS, ArrowRight: now + STEP_SECONDS, ArrowDown: now - STEP_SECONDS, ArrowUp: now + STEP_SECONDS, Home: 0, End: this.seconds };
    if (event.key === " ") this.audio.paused ? this.audio.play() : this.audio.pause();
    else if (event.key in places) this.to(places[event.key]);
    else return;
    event.preventDefault();
  }

  to(seconds) {
    this.seek(Math.min(Math.max(0, seconds), Math.max(0, this.seconds - 0.05)));
  }
}

/** Pairs of lowest and highest sample, over all channels, on a scale of 1. */
function columns({ data, bits, channels }) {
  const full = 2 ** (bits - 1);
  const pairs = [];
  for (let place = 0; place < data.length; place += 2 * channels) {
    const of = data.slice(place, place + 2 * channels).map((value) => value / full);
    pairs.push([Math.min(...of), Math.max(...of)]);
  }
  return pairs.length ? pairs : [[0, 0]];
}
