// The way to the server: the page says when it is lost, looks whether it is back, and then goes on by itself.
import {signInIsOver} from "./account.js";
import {h} from "./dom.js";

const FIRST_LOOK_MS = 1500
const LONGEST_WAIT_MS = 15000
// A class that has lost the server together comes back over this time, not all of it in one second.
const SPREAD_MS = 8000
// Whoever has typed, or has moved a slider by keyboard, is left alone for so long.
const TYPING_MS = 20000
const MOVING_MS = 1500
// What a page remembers for the one that replaces it is believed for so long.
const RETURN_MS = 60000
const RETURN_KEY = "mlsys-return"

// A page that the browser took out of its memory has lost its session: it is fetched anew.
window.addEventListener("pageshow", (event) => { if (event.persisted) window.location.reload() })

export const pause = (ms) => new Promise((resolve) => window.setTimeout(resolve, ms))

// Whether the server answers: asked for something small that every page has loaded from it.
async function answers(server) {
  try {
    const {ok, type} = await fetch([...document.querySelectorAll("script[src]")].find((script) => script.src.startsWith(server || window.location.origin)).src, {method: "HEAD", mode: "no-cors", cache: "no-store"})
    return ok || type === "opaque"
  } catch {
    return false
  }
}

// What the reader's hands are doing; a reload must not tear it from them.
const hands = {holds: false, movedAt: -Infinity, typedAt: -Infinity}
const isSlider = (element) => element instanceof HTMLInputElement && element.type === "range"
const isField = (element) => element instanceof HTMLTextAreaElement ||
  (element instanceof HTMLInputElement && ["text", "number", "search"].includes(element.type))
const onTarget = (type, act) => window.addEventListener(type, (event) => act(event.composedPath()[0]), {capture: true, passive: true})
onTarget("pointerdown", (target) => { hands.holds = isSlider(target) })
onTarget("pointerup", () => { hands.holds = false })
onTarget("pointercancel", () => { hands.holds = false })
onTarget("keydown", (target) => { if (isSlider(target)) hands.movedAt = performance.now() })
onTarget("input", (target) => { if (isField(target)) hands.typedAt = performance.now() })

function focused(root = document) {
  const element = root.activeElement
  return element?.shadowRoot ? focused(element.shadowRoot) ?? element : element
}

function busy() {
  const now = performance.now()
  if (hands.holds || now - hands.movedAt < MOVING_MS) return "let go of the slider"
  return isField(focused()) && now - hands.typedAt < TYPING_MS ? "have finished typing" : ""
}

// Tab and place on the page travel to the page that replaces this one; all else is in the ledger.
function remember(tab, top) {
  const {pathname} = window.location
  try {
    window.sessionStorage.setItem(RETURN_KEY, JSON.stringify({pathname, tab, top, at: Date.now()}))
  } catch {
    // A browser without this memory starts at the top.
  }
}

export function whereItWas() {
  try {
    const found = JSON.parse(window.sessionStorage.getItem(RETURN_KEY))
    window.sessionStorage.removeItem(RETURN_KEY)
    return found?.pathname === window.location.pathname && Date.now() - found.at < RETURN_MS ? found : null
  } catch {
    return null
  }
}

// Scrolls to where the reader was, once what the page shows has grown long enough; not against a reader who scrolls
// meanwhile.
export function scrollBack(content, top) {
  const root = document.documentElement
  const stop = new AbortController()
  const grown = new ResizeObserver(() => {
    if (root.scrollHeight - window.innerHeight < top) return
    window.scrollTo({top, behavior: "instant"})
    stop.abort()
  })
  stop.signal.addEventListener("abort", () => grown.disconnect())
  for (const type of ["wheel", "touchmove", "keydown", "pointerdown"]) {
    window.addEventListener(type, () => stop.abort(), {signal: stop.signal, passive: true})
  }
  grown.observe(content)
  window.setTimeout(() => stop.abort(), RETURN_MS / 4)
}

// `server` is the origin of the labs in a page that loads scripts from elsewhere, too; empty in a page of ours.
export function connectionNotice(document, {account, server = "", tabShown = () => ""} = {}) {
  // The region stays in the page, so that a screen reader hears what enters it.
  const element = h("div", {class: "connection", role: "alert"})
  let said = ""
  const say = (text, ...parts) => {
    if (text === said) return
    said = text
    element.replaceChildren(...(text ? [h("span", {}, text), ...parts] : []))
  }
  const reload = () => {
    // What is read has moved down by the height of this notice, which will be gone.
    remember(tabShown(), Math.max(0, window.scrollY - element.offsetHeight))
    window.location.reload()
  }
  const now = h("button", {type: "button", class: "small", onclick: reload}, "Go on now")
  const signIn = h("button", {type: "button", class: "small", onclick: reload}, "Sign in and go on")
  let turn = 0
  const comeBack = async (mine) => {
    let wait = FIRST_LOOK_MS
    for (;;) {
      await pause(wait * (0.75 + Math.random() / 2))
      if (mine !== turn) return
      if (await signInIsOver(account)) return say("Your sign-in is over. What you did is kept.", signIn)
      if (!await answers(server)) {
        say("Connection lost. What you did up to here is kept. Until the server is back, changes have no effect.")
        wait = Math.min(2 * wait, LONGEST_WAIT_MS)
        continue
      }
      const due = performance.now() + Math.random() * SPREAD_MS
      while (mine === turn && (busy() || performance.now() < due)) {
        const until = busy()
        say(`The server is back. What you did is kept. This page goes on by itself ${until ? `when you ${until}` : "in a few seconds"}.`, now)
        await pause(200)
      }
      if (mine !== turn) return
      // It may have gone again meanwhile: a browser's own error page would not come back by itself.
      if (await answers(server)) return reload()
      wait = FIRST_LOOK_MS
    }
  }
  // The client tries once by itself to take up its session; further attempts of a whole class would all fall together.
  const tries = (on) => document.config.setv({reconnect_session: on}, {sync: false})
  document.on_event("connection_lost", () => {
    tries(false)
    say("Connection lost. What you did up to here is kept. Until the server is back, changes have no effect.")
    comeBack(++turn)
  })
  document.on_event("client_reconnected", () => {
    turn += 1
    tries(true)
    say("")
  })
  return element
}
