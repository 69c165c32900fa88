// The page: what there is to make, the run that is being made, and the runs before it.

import * as api from "./api.js";
import { language, say } from "./text.js";
import { showForm } from "./views/form.js";
import { QueueView } from "./views/queue.js";
import { RunView } from "./views/run.js";
import { RunList } from "./views/runs.js";
import { showSignIn, showUser } from "./views/signin.js";

const KINDS = [
  "run.queued", "run.started", "run.ended", "stage.started", "stage.ended", "progress", "partial", "warning", "queue", "backend", "definitions",
];
const byId = (id) => document.getElementById(id);

document.documentElement.lang = language;
for (const node of document.querySelectorAll("[data-text]")) node.textContent = say(node.dataset.text);

const run = new RunView(byId("now"));
const list = new RunList(byId("runs"), (id) => run.follow(id));
const queue = new QueueView(byId("queue"), (id) => run.follow(id), (entries) => run.waits(entries));
const backends = new Map();
let connected = false;
let drawnWith = null; // the version of the definitions that the form was drawn with

function showServer() {
  const up = [...backends.values()].filter((backend) => backend.state === "up").length;
  const told = backends.size ? say("backends", up, backends.size) : say("connected");
  byId("server").textContent = connected ? told : say("disconnected");
  byId("server").classList.toggle("bad", !connected);
}

function showDefinitions({ state, version, problems }) {
  drawnWith ??= version;
  const places = problems.map(({ file, line, field, message }) => ` ${file}:${line}: ${field ? `${field}: ` : ""}${message}`);
  const told = state === "broken" ? say("definitions_broken", places.slice(0, 3).join(";")) : say("definitions_changed");
  const line = byId("definitions");
  line.hidden = state === "ok" && version === drawnWith;
  line.textContent = line.hidden ? "" : told;
  line.classList.toggle("bad", state === "broken");
}

function hear(event) {
  if (event.kind === "definitions") showDefinitions(event.data);
  if (event.kind === "backend") {
    backends.set(event.data.name, event.data);
    showServer();
  }
  if (event.kind === "queue") queue.refresh();
  run.hear(event);
  if (event.kind.startsWith("run.")) list.refresh();
}

function start(who) {
  showUser(document.querySelector("nav"), who);
  api.listen(KINDS, hear, (isConnected) => {
    const cameBack = isConnected && !connected;
    connected = isConnected;
    showServer();
    if (!cameBack) return;
    list.refresh();
    queue.refresh();
    run.read();
  });
  showForm(byId("make"), (id) => run.follow(id));
}

api.onUnknown(() => showSignIn(document.querySelector("main")));
api.who().then(start, (error) => error.status === 401 || start({ keys: false }));
