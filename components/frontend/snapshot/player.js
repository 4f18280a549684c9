// A lab without a server: the frame, its tabs, and the way changes travel from the reader to the page.
import {h} from "../dom.js";
import {ActPart} from "./act.js";
import {Recorded, inflate} from "./columns.js";
import {mount, mountTree} from "./host.js";
import {filledReport} from "./report.js";
import {NotAllowed, Run} from "./run.js";
import {ImportProblem, Shelf} from "./shelf.js";

const REST_MS = 400

// The options of a question as shown: in the order of their values, or shuffled once per attempt.
function shuffledBy(seed) {
  return (options, shuffled, salt) => {
    if (!shuffled) return options
    let state = [...`${seed}/${salt}`].reduce((sum, character) => Math.imul(sum ^ character.codePointAt(0), 16777619), 2166136261)
    const draw = (below) => {
      state = Math.imul(state ^ (state >>> 15), 2246822519) ^ Math.imul(state ^ (state >>> 13), 3266489917)
      return (state >>> 0) % below
    }
    const shown = [...options]
    for (let i = shown.length - 1; i > 0; i--) {
      const j = draw(i + 1);
      [shown[i], shown[j]] = [shown[j], shown[i]]
    }
    return shown
  }
}

class Player {
  constructor(lesson, columns, drawings, home) {
    this.lesson = lesson
    this.drawings = drawings
    this.shelf = new Shelf(lesson.keys)
    this.run = new Run(lesson, columns, this.shelf)
    this.run.follow(new URLSearchParams(window.location.hash.slice(1)))
    if (this.shelf.problem) this.run.notices.push(this.shelf.problem)
    this.parts = {}
    this.slots = Object.fromEntries(["briefing", "act1", "act2", "ledger"].map((tab) => [tab, mount("Stack", {}, {children: {items: []}})]))
    const {state} = this.run
    const active = {briefing: "briefing", saved: "act2"}[state] ?? state.slice(0, 4)
    this.frame = mount("LabFrame", {...lesson.frame, home, active, tab_answered: 0, address: {}, ...this.standing()}, {
      onmessage: (message) => this.received(message),
      children: Object.fromEntries(Object.entries(this.slots).map(([tab, slot]) => [tab, slot.element])),
    })
    this.show(active)
    this.frame.set(this.standing())
  }

  // --- the frame ---

  standing() {
    const {run, lesson} = this
    return {
      context: run.context, badges: this.badges(), tabs: lesson.tabs[run.state], hud: this.hud(),
      next_step: lesson.next_step[run.state], notices: [...run.notices],
    }
  }

  badges() {
    const labels = this.lesson.badges[this.run.context]
    const open = this.run.reached("act2_explore")
    const statuses = open ? this.run.value("act2", "badges") : labels.map(() => "locked")
    return labels.map((label, i) => ({label, status: statuses[i]}))
  }

  hud() {
    const {run, lesson} = this
    const open = run.reached("act2_explore")
    const correct = run.predictions.act1 === undefined ? null : run.overlay("act1").correct
    const solved = open && run.value("act2", "solved")
    const entry = run.state === "saved" ? this.shelf.entry(lesson.key) : undefined
    const item = (label, value, status = "neutral") => ({label, value, status})
    return [
      item("Context", lesson.frame.contexts.find(({id}) => id === run.context).label),
      item("Act I prediction", correct === null ? "–" : correct ? "✓ right" : "✕ wrong", correct === null ? "neutral" : correct ? "met" : "caution"),
      item("Act II result", open ? run.entry("result") : "–"),
      item("Challenge", open ? (solved ? "✓ met" : "open") : "–", solved ? "met" : "neutral"),
      item("Cliff", run.cliff ? "explored the cliff" : "not yet explored"),
      item("Ledger", entry ? `✓ saved ${entry.saved_at.slice(11, 16)} UTC` : "not saved", entry ? "met" : "neutral"),
    ]
  }

  received({type, value, sequence}) {
    if (type === "context") this.change(() => this.switchTo(value))
    else if (type === "tab") this.change(() => this.go(value, sequence))
    else if (type === "open_ledger") this.change(() => this.go("ledger"))
  }

  switchTo(context) {
    this.run.switchTo(context)
    for (const part of Object.values(this.parts)) part.switched()
  }

  go(tab, sequence = 0) {
    this.show(tab)
    this.frame.set({active: tab, tab_answered: Math.max(sequence, this.frame.model.tab_answered)})
  }

  show(tab) {
    const slot = this.slots[tab]
    if (tab === "act1" && this.run.state === "briefing") this.run.state = "act1_predict"
    if (tab === "ledger") this.showLedger()
    else if (slot.filled) return
    else if (tab === "briefing") this.fill("briefing", this.briefing())
    else if (this.run.reached(`${tab}_predict`)) {
      const order = shuffledBy(`${this.lesson.key}/${this.shelf.attempt(this.lesson.key)}`)
      this.parts[tab] = new ActPart(this.run, tab, this.drawings[tab], {change: (run) => this.change(run, tab), order})
      this.fill(tab, [this.parts[tab]])
    }
  }

  fill(tab, parts) {
    this.slots[tab].filled = true
    this.slots[tab].place("items", parts.map((part) => part.element))
  }

  briefing() {
    const start = (message) => { if (message.type === "action") this.change(() => this.go("act1")) }
    const parts = this.lesson.briefing.map((tree) => mountTree(tree, start))
    const rows = this.lesson.reads.map(({key, field, meaning, from}) => {
      const value = this.shelf.entry(key)?.design[field]
      const text = value === undefined || value === null ? "nothing yet" : typeof value === "object" ? JSON.stringify(value) : String(value)
      return {cells: [`${from}: ${meaning}`, text], emphasis: false}
    })
    if (rows.length > 0) parts.splice(-1, 0, mount("ComparisonRow", {title: this.lesson.reads_title, columns: ["from", "in your ledger"], rows}))
    return parts
  }

  // --- the ledger ---

  ledgerState() {
    const {run, lesson} = this
    const missing = run.missingToSave()
    const open = run.reached("act2_explore")
    const design = open ? run.design() : {}
    const rows = lesson.fields[run.context].map(([meaning, unit, name]) => [meaning, design[name]?.[1], unit, name])
    const lost = run.lastDesign !== null && !run.value("act2", "eligible")
    return {
      rows: open ? rows : [],
      questions: open ? lesson.questions.map((question) => ({...question, chosen: run.named[question.id] ?? ""})) : [],
      can_save: !missing,
      save_hint: missing || (lost ? lesson.save_hints.lost : lesson.save_hints.screen),
    }
  }

  showLedger() {
    if (this.ledger) {
      this.report?.set({page: this.reportDocument()})
      return this.ledger.set(this.ledgerState())
    }
    this.ledger = mount("LedgerPanel", {
      ...this.ledgerState(), notice: "", notice_kind: "info", formats: ["json"], place: "in this browser",
    }, {onmessage: (message) => this.ledgerMessage(message)})
    const {report} = this.lesson
    if (report) this.report = mount("ReportPanel", {file_name: report.name, hint: "", page: this.reportDocument()})
    this.fill("ledger", [this.ledger, this.report].filter(Boolean))
  }

  reportDocument() {
    const {run, lesson} = this
    return filledReport(lesson.report, (key) => this.shelf.entry(key)?.design ?? {}, {
      cells: run.reached("act2_explore") ? (name) => run.value("act2", `report/${name}`) : () => undefined,
      ownPrediction: run.predictions.act1 === undefined ? "–" : `${run.overlay("act1").predicted.split(",")[0]} ${run.overlay("act1").correct ? "✓" : "✕"}`,
    })
  }

  ledgerMessage({type, name, value, text}) {
    const {run, shelf} = this
    const actions = {
      save: () => {
        run.save()
        return shelf.problem || "Saved to the ledger."
      },
      export: () => {
        this.ledger.tell({type: "download", name: "mlsys-labs-ledger.json", text: shelf.exported(), mime: "application/json"})
        return "The file was handed to your browser."
      },
      import: () => {
        const report = shelf.imported(text)
        if (!report.resumed.includes(this.lesson.key)) return report.text
        run.resume(shelf.progress(this.lesson.key))
        this.forget()
        return `${report.text} This lab goes on where the file left it.`
      },
      decide: () => {
        run.named[name] = value
        return ""
      },
      start_over: () => {
        run.startOver()
        this.restart()
        return "This lab starts over."
      },
      erase_all: () => {
        shelf.eraseAll()
        run.begin()
        this.restart()
        return "Every lab of your ledger was erased in this browser."
      },
    }
    this.change(() => {
      try {
        this.ledger.set({notice: actions[type](), notice_kind: shelf.problem ? "danger" : "success"})
      } catch (problem) {
        if (!(problem instanceof NotAllowed || problem instanceof ImportProblem)) throw problem
        this.ledger.set({notice: problem.message, notice_kind: "danger"})
      }
    })
  }

  restart() {
    this.forget()
    this.go("briefing")
  }

  forget() {
    for (const part of Object.values(this.parts)) part.removeFigures()
    this.parts = {}
    for (const tab of ["briefing", "act1", "act2"]) {
      this.slots[tab].filled = false
      this.slots[tab].place("items", [])
    }
  }

  // --- changes ---

  change(run, act) {
    const {state} = this.run
    this.run.notices = []
    try {
      run()
    } catch (problem) {
      if (!(problem instanceof NotAllowed)) throw problem
      this.run.notices.push(problem.message)
    }
    for (const [key, part] of Object.entries(this.parts)) {
      if (key === act) part.refresh()
      if (state !== this.run.state) part.unlock()
    }
    this.frame.set(this.standing())
    if (this.frame.model.active === "ledger") this.showLedger()
    this.keepAtRest()
  }

  // A drag is one write, not fifty.
  keepAtRest() {
    window.clearTimeout(this.resting)
    this.resting = window.setTimeout(() => {
      this.run.keep()
      const query = new URLSearchParams(this.run.address()).toString()
      window.history.replaceState(null, "", `#${query}`)
    }, REST_MS)
  }
}

async function unpacked(id) { return inflate(document.getElementById(id).textContent) }

// Plays the lab whose parts lie in the page: the lesson, and the columns of each act and context.
export async function play(home) {
  const lesson = JSON.parse(new TextDecoder().decode(await unpacked("lesson")))
  const columns = {act1: {}, act2: {}}
  const drawings = {act1: {}, act2: {}}
  for (const act of ["act1", "act2"]) {
    for (const {id} of lesson.frame.contexts) {
      columns[act][id] = new Recorded(await unpacked(`${act}-${id}`))
      drawings[act][id] = lesson.acts[act].drawings[id]
    }
  }
  const player = new Player(lesson, columns, drawings, home)
  document.querySelector("main").replaceChildren(player.frame.element)
  window.addEventListener("pagehide", () => player.run.keep())
  // Somebody has put another link into the address of this page.
  window.addEventListener("hashchange", () => window.location.reload())
}
