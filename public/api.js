// The only file that talks to the server.

import { say } from "./text.js";

// What every address of the server begins with: "" at the top of a host, "/music" below a path. This file lies in public/.
const BASE = new URL("..", import.meta.url).pathname.slice(0, -1);

/** An error as the server tells it: `message` and `hint` for people, `field` and `allowed` for forms. */
export class ApiError extends Error {
  constructor(status, error) {
    super(error.message);
    Object.assign(this, { status, hint: "", field: "", allowed: null }, error);
  }
}

let unknown = () => {};
/** `then` is called when the server asks for a key. */
export const onUnknown = (then) => { unknown = then; };

async function ask(path, options = {}) {
  const reply = await fetch(BASE + path, { headers: { Accept: "application/json" }, ...options });
  if (reply.status === 401 && !(path === "/api/session" && options.method === "POST")) unknown();
  const body = reply.status === 204 ? {} : await reply.json();
  return { ok: reply.ok, status: reply.status, body };
}

async function want(path, options) {
  const { ok, status, body } = await ask(path, options);
  if (!ok) throw new ApiError(status, body.error ?? { message: `${path}: ${status}` });
  return body;
}

function post(path, body = {}, signal = undefined) {
  return want(path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" }, signal });
}

const run = (id) => `/api/runs/${encodeURIComponent(id)}`;

export const who = () => want("/api/session");
export const signIn = (key) => post("/api/session", { key });
export const signOut = () => want("/api/session", { method: "DELETE" });
export const schemas = async () => (await want("/api/schema/schemas")).schemas;
export const outputs = async () => (await want("/api/schema/outputs")).outputs;
export const pipelines = async () => (await want("/api/schema/pipelines")).pipelines;
export const openapi = () => want("/openapi.json");
export const execute = (request) => post("/api/schema/pipeline/execute", { ...request, wait: false });
export const parse = (request, signal) => post("/api/prompt/parse", request, signal);
/** A page of runs, `{runs, next_before}`; `wanted` has limit, before, q, status, output. */
export const runs = (wanted) => want(`/api/runs?${new URLSearchParams(Object.entries(wanted).filter(([, value]) => value))}`);
export const detail = (id) => want(run(id));
export const queue = (limit) => want(`/api/queue?limit=${limit}`);
export const pause = () => post("/api/queue/pause");
export const resume = () => post("/api/queue/resume");
export const move = (request) => post("/api/queue/move", request);
export const cancel = (id) => post(`${run(id)}/cancel`);
export const rerun = (id) => post(`${run(id)}/rerun`);
/** What `execute` says about a run: an ended run's whole body, also where it ended badly. */
export const answer = async (id) => (await ask(`${run(id)}/answer`)).body;
export const stream = (id) => `${BASE}/api/media/stream/${encodeURIComponent(id)}`;
export const peaks = (id) => want(`/api/media/peaks/${encodeURIComponent(id)}`);
export const stems = (id) => want(`/api/media/stems/${encodeURIComponent(id)}`);
export const archive = (id) => `${BASE}/api/media/stems/${encodeURIComponent(id)}.zip`;
export const midi = (id) => `${BASE}/api/media/midi/${encodeURIComponent(id)}`;
export const download = (url) => `${url}?download=1`;

/** Send a file; `onProgress` gets the fraction that has gone. Only XMLHttpRequest tells how far it is. */
export function upload(file, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${BASE}/api/uploads?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 0);
    request.onload = () => {
      if (request.status < 300) resolve(request.response);
      else reject(new ApiError(request.status, request.response?.error ?? { message: `${file.name}: ${request.status}` }));
    };
    request.onerror = () => reject(new ApiError(0, { message: `${file.name}: ${say("not_sent")}` }));
    request.send(file);
  });
}

/** Listen to everything that happens. The browser comes back by itself, with the number of the last event it saw. */
export function listen(kinds, onEvent, onState) {
  const source = new EventSource(`${BASE}/api/events`);
  source.onopen = () => onState(true);
  source.onerror = () => onState(false);
  for (const kind of kinds) {
    source.addEventListener(kind, (message) => onEvent(JSON.parse(message.data)));
  }
  return () => source.close();
}
