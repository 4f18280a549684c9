// What a reader sees of one act of a snapshot: built part by part as the act unlocks, then fed from the columns.
import {ActFigure} from "./figures.js";
import {mount, mountTree} from "./host.js";

export class ActPart {
  constructor(run, key, drawings, {change, order}) {
    Object.assign(this, {run, key, drawings, change})
    this.lesson = run.lesson.acts[key]
    const texts = this.texts()
    this.message = mount("StakeholderMessage", texts.message)
    this.concept = mount("Callout", {kind: "info", title: "Concept", html: texts.concept})
    this.order = order
    this.lock = mount("PredictionLock", this.prediction(), {
      onmessage: (message) => { if (message.type === "lock") change(() => run.lock(key, message.value)) },
    })
    this.opening = [
      mount("Columns", {}, {children: {items: [this.message.element, this.concept.element]}}),
      ...(this.lesson.from_ledger ? [mount("Callout", {kind: "info", title: "From your ledger", html: this.lesson.from_ledger})] : []),
      this.lock,
    ]
    this.body = mount("Stack", {}, {children: {items: this.opening.map((part) => part.element)}})
    this.element = this.body.element
    this.unlock()
  }

  texts() { return this.lesson.texts[this.run.context] }
  value(slot) { return this.run.value(this.key, slot) }
  get at() { return [this.run.index(this.key), this.run.prediction(this.key)] }
  get columns() { return this.run.columns[this.key][this.run.context] }

  prediction() {
    const {question, options, shuffled, range} = this.lesson.prediction
    const value = this.run.predictions[this.key]
    return {
      question, options: this.order(options, shuffled, `${this.key} prediction`), range,
      locked: value !== undefined, chosen: value === undefined ? "" : String(value),
    }
  }

  reflection() {
    const chosen = this.run.answers[this.key]
    return chosen === undefined ? {chosen: "", correct: false, feedback: ""} : {chosen, ...this.lesson.reflection.feedback[chosen]}
  }

  // The parts that the run has opened since.
  unlock() {
    const {run, key} = this
    const explore = run.reached(`${key}_explore`) && !this.workbench
    const reflect = run.reached(`${key}_reflect`) && !this.closing
    if (!explore && !reflect) return
    const {locked, chosen} = this.prediction()
    this.lock.set({locked, chosen})
    if (explore) {
      const challenge = this.texts().challenge
      if (challenge) this.opening.push(this.challenge = mount("Callout", {kind: "info", title: "Your challenge", html: challenge}))
      this.workbench = this.buildWorkbench()
    }
    if (reflect) this.closing = this.buildClosing()
    this.body.place("items", [...this.opening, this.workbench, ...(this.closing ?? [])].map((part) => part.element))
  }

  buildWorkbench() {
    this.controls = mount("ControlPanel", {...this.controlState(), controls: this.definitions(), acknowledged: 0}, {
      onmessage: (message) => this.moved(message),
    })
    this.banner = mount("FailureBanner", {failures: this.value("failures")})
    this.metrics = mount("MetricRow", {metrics: this.readMetrics()})
    this.main = mount("Stack", {}, {children: {items: []}})
    this.enterContext()
    return mount("Workbench", {}, {children: {side: this.controls.element, main: this.main.element}})
  }

  buildClosing() {
    const {question, options, shuffled} = this.lesson.reflection
    this.question = mount("Reflection", {
      question, options: this.order(options, shuffled, `${this.key} reflection`), ...this.reflection(),
    }, {
      onmessage: (message) => {
        if (message.type !== "answer") return
        this.change(() => {
          this.run.answer(this.key, message.value)
          this.question.set(this.reflection())
        })
      },
    })
    return [mount("PredictionOverlay", this.run.overlay(this.key)), this.question, mountTree(this.lesson.peek)]
  }

  // --- from the columns ---

  definitions() { return this.run.controls(this.key).map((control) => control.definition) }

  controlState() {
    const values = {}
    for (const {name, ids, texts} of this.run.controls(this.key)) {
      const at = this.run.at[this.key][name]
      values[name] = ids ? {option: ids[at]} : {index: at, text: texts[at]}
    }
    return {values, limits: this.value("limits")}
  }

  readList(slot) {
    const list = []
    for (let k = 0, item; (item = this.value(`${slot}/${k}`)) !== undefined; k++) list.push(item)
    return list
  }

  readMetrics() { return this.readList("metric") }

  readTables() { return this.readList("table").map((table, k) => ({...table, rows: this.readList(`table/${k}`)})) }

  // Another context has plots and tables of its own.
  enterContext() {
    this.removeFigures()
    this.tables = []
    this.showMain()
  }

  removeFigures() {
    for (const figure of Object.values(this.figures ?? {})) figure.remove()
    this.figures = {}
  }

  showMain() {
    const names = this.value("plots")
    const before = Object.keys(this.figures).join()
    let anew = before !== names.join()
    const figures = {}
    for (const name of names) {
      const figure = this.figures[name] ?? new ActFigure(this.columns, this.drawings[this.run.context], `plot/${name}`)
      if (figure.component && !figure.differs(...this.at)) figure.show(...this.at)
      else {
        figure.build(...this.at)
        anew = true
      }
      figures[name] = figure
    }
    for (const [name, figure] of Object.entries(this.figures)) if (!(name in figures)) figure.remove()
    this.figures = figures
    const tables = this.readTables()
    if (tables.length === this.tables.length) tables.forEach((table, k) => this.tables[k].set(table))
    else {
      this.tables = tables.map((table) => mount("ComparisonRow", table))
      anew = true
    }
    if (!anew) return
    const parts = [this.banner, this.metrics, ...Object.values(figures).map((figure) => figure.component), ...this.tables]
    this.main.place("items", parts.map((part) => part.element))
  }

  // --- changes ---

  moved(message) {
    this.change(() => {
      if (message.type === "reset") this.run.reset(this.key)
      else {
        const {ids} = this.run.controls(this.key).find((control) => control.name === message.name)
        this.run.set(this.key, message.name, ids ? ids.indexOf(message.option) : message.index)
      }
    })
    this.controls.set({acknowledged: message.sequence})
  }

  refresh() {
    if (!this.workbench) return
    this.controls.set(this.controlState())
    this.banner.set({failures: this.value("failures")})
    this.metrics.set({metrics: this.readMetrics()})
    this.showMain()
  }

  switched() {
    const texts = this.texts()
    this.message.set(texts.message)
    this.concept.set({html: texts.concept})
    this.challenge?.set({html: texts.challenge})
    if (!this.workbench) return
    this.controls.set({...this.controlState(), controls: this.definitions()})
    this.enterContext()
    this.refresh()
  }
}
