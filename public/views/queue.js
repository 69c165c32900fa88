// The queue: what is at a backend, what waits for its turn in one order for all of them, where each is expected, and when it will be done.

import * as api from "../api.js";
import { element, fill } from "../dom.js";
import { between, say } from "../text.js";

const PAGE = 50; // of those that wait at a time
const LONGEST = 1000; // that the server lists at once
const PAUSE_MS = 400; // changes come in flocks; one look is good for all of them

export class QueueView {
  constructor(card, onChosen, onRead) {
    Object.assign(this, { card, onChosen, onRead, asked: false, limit: PAGE });
    // These stay, so that a screen reader tells what changes in them and the focus is not lost.
    this.summary = element("p", { role: "status", "aria-live": "polite" });
    this.hold = element("button", { id: "queue-hold", type: "button", onclick: () => this.change(this.queue.paused ? api.resume() : api.pause()) });
    this.problem = element("p", { className: "problem", role: "alert" });
    this.body = element("div");
    fill(card.querySelector("div"), element("div", { className: "actions queue-head" }, this.summary, this.hold), this.problem, this.body);
  }

  /** Look again soon. */
  refresh() {
    if (this.asked) return;
    this.asked = true;
    setTimeout(() => {
      this.asked = false;
      this.read();
    }, PAUSE_MS);
  }

  async read() {
    try {
      this.draw(await api.queue(this.limit));
    } catch (error) {
      this.problem.textContent = error.message;
    }
  }

  async change(request) {
    try {
      await request;
      this.problem.textContent = "";
    } catch (error) {
      this.problem.textContent = [error.message, error.hint].filter(Boolean).join(" ");
    }
    await this.read();
  }

  draw(queue) {
    this.queue = queue;
    const held = queue.backends.flatMap((backend) => backend.held);
    const busy = queue.backends.filter((backend) => backend.held.length + backend.waiting_total > 0);
    const paused = queue.backends.filter((backend) => backend.paused && !queue.paused);
    this.card.hidden = !held.length && !queue.waiting_total && !paused.length && !queue.paused;
    this.summary.textContent = [say("in_queue", held.length, queue.waiting_total), queue.paused ? say("queue_paused") : ""].filter(Boolean).join(" · ");
    this.hold.textContent = say(queue.paused ? "resume" : "pause");
    const lines = [...paused.map(({ name }) => `${name}: ${say("queue_paused")}`), this.end(busy)].filter(Boolean);
    const entries = [...held, ...queue.waiting];
    fill(
      this.body, lines.map((textContent) => element("p", { className: "quiet", textContent })),
      entries.length ? this.table(entries, queue.backends.length > 1) : null,
      queue.waiting_total > queue.waiting.length ? this.more(queue.waiting_total - queue.waiting.length) : null,
    );
    this.onRead(entries);
  }

  /** When everything is done: with the last backend, if each can say. */
  end(busy) {
    const [last] = busy.map(({ eta }) => eta).sort((one, other) => (one && other ? other.high_seconds - one.high_seconds : one ? 1 : -1));
    return last ? say("all_done_in", between(last)) : "";
  }

  table(entries, named) {
    const heads = ["position_short", "what", "done_in", "actions"].map((key) => element("th", { scope: "col", textContent: say(key) }));
    return element(
      "table", { className: "queue" }, element("thead", {}, element("tr", {}, heads)),
      element("tbody", {}, entries.map((one) => this.row(one, named))),
    );
  }

  more(count) {
    if (this.limit >= LONGEST) return element("p", { className: "quiet", textContent: say("more_waiting", count) });
    const onclick = () => {
      this.limit = Math.min(this.limit + PAGE, LONGEST);
      this.read();
    };
    return element("button", { type: "button", textContent: say("more_waiting", count), onclick });
  }

  row(entry, named) {
    const turn = entry.position === 0;
    const { expected_backend: backend, why } = entry;
    const where = named && backend ? element("small", { title: why, textContent: say(turn ? "at_backend" : "expected_at", backend) }) : null;
    const what = entry.own
      ? [element("strong", { textContent: entry.title }), entry.take > 1 ? element("small", { textContent: `${say("take")} ${entry.take}` }) : null]
      : element("span", { className: "quiet", textContent: say("of_another") });
    return element(
      "tr", {},
      element("td", { className: "number", textContent: turn ? say("its_turn") : String(entry.position) }),
      element("td", {}, what, where),
      element("td", { className: "number", textContent: entry.eta ? between(entry.eta) : say("not_known") }),
      element("td", {}, entry.own ? this.actions(entry, turn) : null),
    );
  }

  actions(entry, turn) {
    const { run_id: id, title, position, take } = entry;
    const press = (name, action) =>
      element("button", { id: `queue-${name}-${id}-${take}`, type: "button", textContent: say(name), "aria-label": `${say(name)}: ${title}`, onclick: action });
    const cancel = (event) => {
      event.target.disabled = true;
      this.change(api.cancel(id));
    };
    return element(
      "div", { className: "actions" },
      turn || position === 1 ? null : press("to_front", () => this.change(api.move({ run_id: id, to: "front" }))),
      turn || position === 1 ? null : press("up", () => this.change(api.move({ run_id: id, position: position - 1 }))),
      press("show", () => this.onChosen(id)),
      press("cancel", cancel),
    );
  }
}
