// The frame of every lab: header with live badges, context toggle, tabs, and the footer that sums up.
import {accountBar} from "./account.js";
import {component, h, lockIcon, uniqueId} from "./dom.js";
import {connectionNotice, whereItWas, scrollBack} from "./connection.js";
import {dress, themeButton} from "./theme.js";

const BADGE = {
  locked: {sign: "–", spoken: "not yet measured"}, met: {sign: "✓", spoken: "holds"},
  violated: {sign: "✕", spoken: "violated"},
}

function badges(model) {
  const list = h("ul", {class: "badges", "aria-label": "Constraints"})
  const show = () => list.replaceChildren(...model.badges.map((badge) =>
    h("li", {class: badge.status}, h("span", {class: "sign", "aria-hidden": "true"}, BADGE[badge.status].sign), badge.label,
      h("span", {class: "visually-hidden"}, `: ${BADGE[badge.status].spoken}`))))
  show()
  return {list, show}
}

function contextToggle(model) {
  const name = uniqueId("context")
  const note = h("p", {class: "context-note"})
  const inputs = model.contexts.map((context) => h("input", {
    type: "radio", name, value: context.id, onchange: () => model.send_msg({type: "context", value: context.id}),
  }))
  const element = h("fieldset", {class: "context"}, h("legend", {}, "Context"),
    h("div", {class: "segments"}, model.contexts.map((context, i) =>
      h("label", {class: `segment regime-${context.regime}`}, inputs[i], h("span", {}, context.label)))), note)
  const show = () => {
    for (const input of inputs) input.checked = input.value === model.context
    note.textContent = model.contexts.find((context) => context.id === model.context)?.note ?? ""
  }
  show()
  return {element, show}
}

// The tabs of the WAI-ARIA pattern: arrow keys move, locked tabs stay reachable so that a reader learns what unlocks them.
function tabs(model) {
  const base = uniqueId("tab")
  const slots = {}
  const buttons = {}
  let shown = null
  let asked = 0
  const show = (id, focus) => {
    shown = id
    for (const [key, control] of Object.entries(buttons)) {
      const selected = key === id
      control.setAttribute("aria-selected", String(selected))
      control.tabIndex = selected ? 0 : -1
      slots[key].hidden = !selected
      if (selected && focus) control.focus()
    }
  }
  const select = (id, focus = false) => {
    const changed = id !== shown
    show(id, focus)
    if (changed) model.send_msg({type: "tab", value: id, sequence: ++asked})
  }
  const order = model.tabs.map((tab) => tab.id)
  for (const {id, label} of model.tabs) {
    buttons[id] = h("button", {
      type: "button", role: "tab", id: `${base}-${id}`, "aria-controls": `${base}-${id}-panel`, onclick: () => select(id),
      onkeydown: (event) => {
        const at = order.indexOf(id)
        const to = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: order.length - 1}[event.key]
        if (to === undefined) return
        event.preventDefault()
        select(order[(to + order.length) % order.length], true)
      },
    }, h("span", {}, label), h("span", {class: "lock"}, lockIcon()), h("span", {class: "visually-hidden"}))
    slots[id] = h("div", {
      role: "tabpanel", id: `${base}-${id}-panel`, "aria-labelledby": `${base}-${id}`, class: "tabpanel",
    }, h("p", {class: "locked-note panel"}), model.get_child(id))
  }
  const showLocks = () => {
    for (const {id, locked} of model.tabs) {
      buttons[id].classList.toggle("is-locked", locked !== "")
      buttons[id].children[1].hidden = locked === ""
      buttons[id].children[2].textContent = locked ? ", locked" : ""
      slots[id].classList.toggle("is-locked", locked !== "")
      slots[id].firstChild.textContent = locked
    }
  }
  // Whoever clicks faster than Python answers is not led back by the answer to an earlier click.
  const showActive = () => {
    if (model.tab_answered >= asked) show(model.active)
  }
  showLocks()
  showActive()
  return {
    slots,
    shown: () => shown,
    select,
    bar: h("div", {role: "tablist", "aria-label": "Parts of the lab", class: "tablist"}, order.map((id) => buttons[id])),
    panels: order.map((id) => slots[id]),
    showLocks,
    showActive,
  }
}

function hud(model) {
  const list = h("dl", {class: "hud-items"})
  const next = h("p", {class: "next", role: "status"})
  const show = () => {
    list.replaceChildren(...model.hud.map((item) =>
      h("div", {class: item.status}, h("dt", {}, item.label), h("dd", {}, item.value))))
    next.textContent = model.next_step
  }
  show()
  return {
    element: h("footer", {class: "hud", "aria-label": "Where you stand"}, list,
      h("div", {class: "hud-side"}, next, h("button", {
        type: "button", class: "small", onclick: () => model.send_msg({type: "open_ledger"}),
      }, "Open ledger"))),
    show,
  }
}

// What is not saved yet. The sentence is announced; the count beside it changes too often for that.
function unsavedLine(model) {
  const said = h("span", {role: "status"})
  const count = h("span", {class: "count"})
  const element = h("div", {class: "unsaved"}, said, count)
  const show = () => {
    const {text = "", changes = 0, since = ""} = model.unsaved ?? {}
    // Hidden from the eye alone: what is not in the page is not announced when it enters.
    element.classList.toggle("visually-hidden", text === "")
    element.classList.toggle("waits", changes > 0)
    const sentence = changes > 0 ? `Not saved yet. ${text}` : text
    if (said.textContent !== sentence) said.textContent = sentence
    const time = since && new Date(since).toLocaleTimeString([], {hour: "2-digit", minute: "2-digit", second: "2-digit"})
    count.textContent = changes > 0 ? `${changes} ${changes === 1 ? "change waits" : "changes wait"} since ${time}` : ""
  }
  show()
  return {element, show}
}

// The page's address carries what a link to this very state needs; Python says what, the browser waits for quiet.
function addressWriter(model) {
  // A portal's address is its own.
  if (model.place === "portal") return () => {}
  let timer = null
  return () => {
    window.clearTimeout(timer)
    timer = window.setTimeout(() => {
      const address = new URL(window.location.href)
      const kept = ["theme", "embed", "launched"].filter((name) => address.searchParams.has(name)).map((name) => [name, address.searchParams.get(name)])
      address.search = new URLSearchParams([...Object.entries(model.address), ...kept]).toString()
      window.history.replaceState(null, "", address)
    }, 400)
  }
}

export const LabFrame = component(["segments", "frame", "account"], ({model, view, el}) => {
  // In a portal the page around the lab has its own way back, its own theme and its own margins.
  const embedded = model.place === "frame" || model.place === "portal"
  if (model.place === "portal") dress(el.getRootNode())
  const badgeList = badges(model)
  const toggle = contextToggle(model)
  const tabSet = tabs(model)
  const footer = hud(model)
  const line = unsavedLine(model)
  footer.element.prepend(line.element)
  const notice = h("div", {class: "notices"})
  const showNotices = () => notice.replaceChildren(...model.notices.map((text) => h("p", {class: "notice", role: "status"}, text)))
  showNotices()
  const home = model.home ? h("a", {class: "home", href: model.home}, "← All labs") : null
  const element = h("div", {class: embedded ? "frame embedded" : "frame"},
    // A snapshot has no server to lose.
    view.model.document ? connectionNotice(view.model.document, {account: model.account, server: model.server, tabShown: tabSet.shown}) : null,
    h("header", {class: "lab-header"},
      h("div", {class: "top"}, home, h("span", {class: "eyebrow"}, model.eyebrow), accountBar(model.account), embedded ? null : themeButton()),
      h("div", {class: "columns"},
        h("div", {}, h("h1", {}, model.title), h("p", {class: "core"}, model.question), h("p", {class: "minutes"}, model.minutes)),
        badgeList.list)),
    notice,
    h("div", {class: "bar"}, tabSet.bar, toggle.element),
    h("div", {class: "panels"}, tabSet.panels),
    footer.element)
  // A page that has reloaded itself goes on where the reader was.
  const back = view.model.document ? whereItWas() : null
  if (back) {
    if (back.tab in tabSet.slots && back.tab !== model.active) tabSet.select(back.tab)
    scrollBack(element, back.top)
  }
  return {
    element,
    update: {
      badges: badgeList.show, context: toggle.show, tabs: tabSet.showLocks, active: tabSet.showActive,
      tab_answered: tabSet.showActive,
      hud: footer.show, next_step: footer.show, notices: showNotices, unsaved: line.show, address: addressWriter(model),
    },
  }
})
