// A page that cannot be shown yet: it looks whether it can, and loads itself again.
import {component, h} from "./dom.js";
import {pause} from "./connection.js";
import {themeButton} from "./theme.js";

const FIRST_ASK_MS = 2000
const LONGEST_ASK_MS = 6000
const OPENING_SPREAD_MS = 4000

// Whether the site says that it is ready; a server that does not know the question is asked for the page itself.
async function ready(address) {
  try {
    const {ok, status} = await fetch(address, {cache: "no-store"})
    return ok || status === 404
  } catch {
    return false
  }
}

export const Unavailable = component(["unavailable"], ({model}) => {
  const look = async () => {
    const address = new URL(`${model.home || "./"}readyz`, window.location.href)
    for (let wait = FIRST_ASK_MS; ; wait = Math.min(1.5 * wait, LONGEST_ASK_MS)) {
      await pause(wait * (0.75 + Math.random() / 2))
      if (await ready(address)) break
    }
    await pause(Math.random() * OPENING_SPREAD_MS)
    window.location.reload()
  }
  look()
  return {
    element: h("div", {class: "unavailable"},
      h("div", {class: "top"}, model.home ? h("a", {class: "home", href: model.home}, "← All labs") : null, themeButton()),
      h("section", {class: "panel"},
        h("p", {class: "eyebrow"}, model.title),
        h("h1", {}, "The ledger cannot be reached"),
        h("p", {role: "status"}, model.text),
        h("p", {class: "hint"}, "This page looks by itself every few seconds, and opens as soon as it can."),
        h("button", {type: "button", class: "primary", onclick: () => window.location.reload()}, "Try again now"))),
  }
})
