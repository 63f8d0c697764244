// Performs the call that stands on stdin as JSON, and prints what failed as JSON, null for nothing.
import { text } from "node:stream/consumers";

function seconds(headers) {
  const value = headers.get("retry-after");
  if (!value) return 0;
  if (!Number.isNaN(Number(value))) return Math.max(0, Number(value));
  const at = Date.parse(value);
  if (Number.isNaN(at)) return 0;
  const date = headers.get("date");
  return Math.max(0, (at - (date ? Date.parse(date) : Date.now())) / 1000);
}

function failure(response, body) {
  const { code, status, message = "", details } = JSON.parse(body).error;
  return {
    Status: response.status,
    Code: typeof code === "string" ? code : status,
    Name: /^@(\S+) /.exec(message)?.[1] ?? "",
    Message: message,
    Details: (details ?? []).filter((d) => "code" in d).map((d) => ({ Code: d.code, Message: d.message })),
    RetryAfter: seconds(response.headers),
    RequestID: response.headers.get("request-id") ?? "",
  };
}

const call = JSON.parse(await text(process.stdin));
const response = await fetch(call.url, {
  method: call.method,
  headers: call.body ? { "Content-Type": "application/json" } : {},
  body: call.body || undefined,
});
const body = await response.text();
process.stdout.write(JSON.stringify(response.status < 400 ? null : failure(response, body)));
