// Leave to see a slide: half of it is in the address of everything, half in a cookie.

import { kindOf } from "../../../front/fetching.mjs";

// The server says 503 of leave that has ended, too, but then not when to come again.
export function kindOfRefusal(status, headers) {
  return status === 503 && !headers.get("Retry-After") ? "access" : kindOf(status);
}

export async function askJson(address, { body, isLast = false } = {}) {
  const sent = body && {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
    keepalive: isLast,
  };
  const response = await fetch(address, { credentials: "same-origin", ...sent });
  if (!response.ok) throw new Error(String(response.status));
  return response.json();
}
