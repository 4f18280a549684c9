// The way to the server: the page says when it is lost, looks whether it is back, and then offers to go on.
import {h} from "./dom.js";

const FIRST_LOOK_MS = 1500
const LONGEST_WAIT_MS = 15000

// A page that the browser took out of its memory has lost its session: it is fetched anew.
window.addEventListener("pageshow", (event) => { if (event.persisted) window.location.reload() })

// Whether the server answers: asked for something small that every page has loaded from it.
async function answers(server) {
  try {
    const {ok, type} = await fetch(document.querySelector(`script[src^="${CSS.escape(server)}"]`).src, {method: "HEAD", mode: "no-cors", cache: "no-store"})
    return ok || type === "opaque"
  } catch {
    return false
  }
}

// `server` is the origin of the labs in a page that loads scripts from elsewhere, too; empty in a page of ours.
export function connectionNotice(document, server) {
  // The region stays in the page, so that a screen reader hears what enters it.
  const element = h("div", {class: "connection", role: "alert"})
  const reload = h("button", {type: "button", class: "small", onclick: () => window.location.reload()}, "Reload and go on")
  let timer = null
  const look = async (wait) => {
    if (await answers(server)) return element.replaceChildren(h("span", {}, "The server is back. What you did is kept."), reload)
    timer = window.setTimeout(look, wait, Math.min(2 * wait, LONGEST_WAIT_MS))
  }
  document.on_event("connection_lost", () => {
    window.clearTimeout(timer)
    element.replaceChildren(h("span", {}, h("strong", {}, "Connection lost."),
      " What you did up to here is kept. Until the server is back, changes have no effect."))
    timer = window.setTimeout(look, FIRST_LOOK_MS, FIRST_LOOK_MS)
  })
  document.on_event("client_reconnected", () => {
    window.clearTimeout(timer)
    element.replaceChildren()
  })
  return element
}
