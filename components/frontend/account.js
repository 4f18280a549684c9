// Who is signed in, and the way out.
import {h} from "./dom.js";

// `account` is {name, role, sign_out, state}; empty where nobody signs in, absent in a snapshot.
export function accountBar(account) {
  if (!account?.sign_out) return null
  return h("div", {class: "account"},
    h("span", {class: "who"}, account.name, account.role ? h("span", {class: "role"}, account.role) : null),
    // A form, because a link could be followed by a page of another site.
    h("form", {method: "post", action: account.sign_out}, h("button", {class: "quiet"}, "Sign out")))
}

// Whether the sign-in of this browser is over. A server that does not answer leaves it open.
export async function signInIsOver(account) {
  if (!account?.sign_out) return false
  try {
    const answer = await fetch(account.state, {cache: "no-store"})
    return answer.ok && !(await answer.json()).signed_in
  } catch {
    return false
  }
}
