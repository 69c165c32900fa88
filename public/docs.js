// The API as a page, drawn from /openapi.json.

import { openapi } from "./api.js";
import { element, fill } from "./dom.js";

const shown = (value) => JSON.stringify(value, null, 2);

function shape(schema, components) {
  const name = schema?.$ref?.split("/").pop();
  return name ? { name, schema: components[name] } : { name: schema?.type ?? "", schema };
}

function body(title, content, components) {
  const [type, { schema, example } = {}] = Object.entries(content ?? {})[0] ?? [];
  if (!type) return null;
  const { name, schema: resolved } = shape(schema, components);
  return element(
    "details", {}, element("summary", {}, `${title}: ${name} `, element("small", { textContent: type })),
    example === undefined ? null : element("pre", { textContent: shown(example) }),
    resolved ? element("pre", { textContent: shown(resolved) }) : null,
  );
}

function route(method, path, operation, components) {
  const parameters = (operation.parameters ?? []).map((parameter) => [
    element("dt", {}, element("code", { textContent: parameter.name }), ` (${parameter.in})`),
    element("dd", { textContent: `${parameter.description ?? ""} ${shown(parameter.schema).replace(/\s+/g, " ")}` }),
  ]);
  const replies = Object.entries(operation.responses).map(([status, reply]) => [
    element("dt", { textContent: status }), element("dd", {}, reply.description, body("Body", reply.content, components)),
  ]);
  return element(
    "details", { className: "route", id: operation.operationId },
    element("summary", {}, element("span", { className: "method", textContent: method.toUpperCase() }), " ", element("code", { textContent: path }), ` ${operation.summary}`),
    element("p", { textContent: operation.description ?? "" }),
    parameters.length ? element("dl", {}, parameters) : null,
    body("Request", operation.requestBody?.content, components),
    element("dl", {}, replies),
  );
}

const document_ = await openapi();
const groups = new Map();
for (const [path, item] of Object.entries(document_.paths)) {
  for (const [method, operation] of Object.entries(item)) {
    const tag = operation.tags[0];
    groups.set(tag, [...(groups.get(tag) ?? []), route(method, path, operation, document_.components.schemas)]);
  }
}
document.getElementById("version").textContent = document_.info.version;
fill(
  document.getElementById("routes"),
  element("p", { textContent: document_.info.description }),
  ...[...groups].map(([tag, routes]) => [element("h2", { textContent: tag }), ...routes]).flat(),
);
