// One reader's run through a recorded lab: the rules of `labs.lab` over recorded states. Knows no screen.

// Layout of what is stored as progress; the live page reads and writes the same.
const PROGRESS_VERSION = 1

export class NotAllowed extends Error {}

export class Run {
  // `lesson` is what `labs.snapshot.lesson` wrote, `columns[act][context]` the recorded outcomes.
  constructor(lesson, columns, shelf) {
    Object.assign(this, {lesson, columns, shelf})
    this.notices = []
    this.begin()
    const stored = shelf.progress(lesson.key)
    if (stored !== undefined) this.resume(stored)
  }

  begin() {
    Object.assign(this, {
      context: this.lesson.opens, state: "briefing", predictions: {}, answers: {}, named: {},
      moved: new Set(), solved: new Set(), cliff: false, lastDesign: null,
    })
    // Where the controls of each act stand, as positions among the kept stops; and where they stood in contexts left.
    this.at = {}
    this.remembered = {act1: {}, act2: {}}
    for (const act of ["act1", "act2"]) this.enter(act, {}, {})
  }

  reached(milestone, state = this.state) {
    return this.lesson.states.indexOf(state) >= this.lesson.states.indexOf(milestone)
  }

  // --- controls ---

  controls(act, context = this.context) { return this.lesson.acts[act].controls[context] }

  index(act, at = this.at[act], context = this.context) {
    return this.controls(act, context).reduce((index, control) => index * control.values.length + at[control.name], 0)
  }

  positions(act, index, context = this.context) {
    const at = {}
    for (const control of this.controls(act, context).toReversed()) {
      at[control.name] = index % control.values.length
      index = Math.floor(index / control.values.length)
    }
    return at
  }

  // What a slot of an act shows now.
  value(act, slot, index = this.index(act), context = this.context) {
    return this.columns[act][context].value(slot, index, this.prediction(act))
  }

  // Number of the locked prediction among those that were recorded.
  prediction(act) {
    const {answers} = this.lesson.acts[act].prediction
    return Math.max(0, answers.findIndex((answer) => answer.value === this.predictions[act]))
  }

  settle(act, at) { return this.positions(act, this.value(act, "settled", this.index(act, at))) }

  set(act, name, position) {
    const control = this.controls(act).find((known) => known.name === name)
    const limit = this.value(act, "limits")[name]
    const reason = limit?.reason ?? limit?.options?.[control.ids?.[position]]
    if (reason !== undefined) throw new NotAllowed(`${control.definition.label}: ${control.texts[position]} is out of reach. ${reason}`)
    this.at[act] = this.settle(act, {...this.at[act], [name]: position})
    this.hasMoved(act)
  }

  reset(act) {
    const before = this.index(act)
    for (const control of this.controls(act)) this.at[act][control.name] = control.default
    if (this.index(act) !== before) this.hasMoved(act)
  }

  hasMoved(act) {
    this.moved.add(act)
    this.lookAtDesign(act === "act2")
    if (act === "act2" && this.value("act2", "solved")) this.solved.add(this.context)
    if (this.state === `${act}_explore`) this.state = `${act}_reflect`
  }

  // The latest design that counts, and whether a limit was broken by a move rather than by a start setting.
  lookAtDesign(moved) {
    if (!this.reached("act2_explore")) return
    if (this.value("act2", "eligible")) this.lastDesign = {context: this.context, index: this.index("act2")}
    this.cliff ||= moved && this.value("act2", "danger").length > 0
  }

  // --- contexts ---

  // Controls that two contexts share keep their value; others stand where they stood there, or at their default.
  enter(act, before, shared) {
    const remembered = this.remembered[act][this.context] ?? {}
    const at = {}
    for (const control of this.controls(act)) {
      at[control.name] = shared[control.name] === control.spec
        ? before[control.name] : remembered[control.name] ?? control.default
    }
    this.at[act] = this.settle(act, at)
  }

  switchTo(context) {
    if (context === this.context) return
    const left = this.context
    for (const act of ["act1", "act2"]) this.remembered[act][left] = {...this.at[act]}
    this.context = context
    for (const act of ["act1", "act2"]) {
      this.enter(act, this.at[act], Object.fromEntries(this.controls(act, left).map(({name, spec}) => [name, spec])))
    }
    this.lookAtDesign(false)
  }

  // --- questions ---

  lock(act, value) {
    if (this.state !== `${act}_predict`) throw new NotAllowed("This prediction is locked already.")
    this.answerTo(act, value)
    this.predictions[act] = value
    if (act === "act1") this.keepFirst()
    this.state = `${act}_explore`
    this.lookAtDesign(false)
  }

  // The first prediction ever made stays on record.
  keepFirst() {
    const {ledger, overlay} = this.answerTo("act1", this.predictions.act1)
    this.shelf.keepFirst(this.lesson.key, {prediction: ledger, correct: overlay.correct})
  }

  answerTo(act, value) {
    const {answers, range} = this.lesson.acts[act].prediction
    const answer = answers.find((known) => known.value === value)
    if (answer !== undefined) return answer
    throw new NotAllowed(`This snapshot takes numbers from ${range.low} to ${range.high} ${range.unit} in steps of ${range.step}.`)
  }

  overlay(act) { return this.answerTo(act, this.predictions[act]).overlay }

  answer(act, option) {
    this.answers[act] = option
    if (act === "act1" && this.state === "act1_reflect") this.state = "act2_predict"
  }

  missingToSave() {
    if (!this.reached("act2_reflect")) return "Finish Act II up to its reflection first."
    if (this.answers.act2 === undefined) return "Answer the Act II reflection first."
    const missing = this.lesson.questions.filter((question) => this.named[question.id] === undefined)
    return missing.length > 0 ? `Answer the question${missing.length > 1 ? "s" : ""} above the table first.` : ""
  }

  // --- the ledger ---

  // Where the design that is recorded stood: on screen, or the last one that worked.
  recorded() {
    const now = {context: this.context, index: this.index("act2")}
    return this.value("act2", "eligible") ? now : this.lastDesign ?? now
  }

  // A slot of the recorded design; an answer to a question asked when saving may make it different.
  entry(slot) {
    const {context, index} = this.recorded()
    for (const [field, answer] of Object.entries(this.named)) {
      const answered = this.value("act2", `${slot}?${field}=${answer}`, index, context)
      if (answered !== undefined) return answered
    }
    return this.value("act2", slot, index, context)
  }

  // The entry as fields: name to [value, text].
  design() {
    const first = this.shelf.first(this.lesson.key) ?? {prediction: null, correct: null}
    const words = (value) => (value === null || value === undefined ? "–" : value === true ? "yes" : value === false ? "no" : String(value))
    const predicted = this.lesson.acts.act1.prediction.answers.find((answer) => answer.ledger === first.prediction)
    const own = {
      context: this.context, act1_prediction: first.prediction, act1_correct: first.correct, constraint_hit: this.cliff,
      ...Object.fromEntries(this.lesson.questions.map(({id}) => [id, this.named[id] ?? null])),
    }
    return Object.fromEntries(this.lesson.fields[this.context].map(([, , name]) => {
      if (!(name in own)) {
        const ofAct1 = this.lesson.of_act1[this.context].includes(name)
        return [name, ofAct1 ? this.value("act1", `design/${name}`) : this.entry(`design/${name}`)]
      }
      return [name, [own[name], name === "act1_prediction" && predicted ? predicted.text : words(own[name])]]
    }))
  }

  save() {
    const missing = this.missingToSave()
    if (missing) throw new NotAllowed(missing)
    this.state = "saved"
    this.shelf.save(this.lesson.key, Object.fromEntries(Object.entries(this.design()).map(([name, [value]]) => [name, value])))
    this.keep()
  }

  startOver() {
    this.shelf.startOver(this.lesson.key)
    this.begin()
  }

  keep() { this.shelf.keepProgress(this.lesson.key, this.progress()) }

  progress() {
    const names = (act, context, at) => Object.fromEntries(
      this.controls(act, context).map(({name, values}) => [name, values[at[name]]]))
    const controls = (act) => Object.fromEntries(
      Object.entries({...this.remembered[act], [this.context]: this.at[act]}).map(([context, at]) => [context, names(act, context, at)]))
    const last = this.lastDesign
    return {
      version: PROGRESS_VERSION, state: this.state, context: this.context, context_source: "",
      predictions: this.predictions, answers: this.answers, moved: [...this.moved].sort(), constraint_hit: this.cliff,
      named: this.named, solved: [...this.solved].sort(), controls: {act1: controls("act1"), act2: controls("act2")},
      last_design: last && {context: last.context, controls: names("act2", last.context, this.positions("act2", last.index, last.context))},
    }
  }

  // What was stored may come from a live page or from an edited file: it is taken up whole or not at all.
  resume(stored) {
    try {
      this.takeUp(stored)
    } catch (problem) {
      this.begin()
      this.notices = [`What was stored of this lab cannot be resumed (${problem.message}); it starts afresh. Your ledger entries are untouched.`]
    }
  }

  takeUp(stored) {
    if (stored.version !== PROGRESS_VERSION) throw new Error(`it is of version ${JSON.stringify(stored.version)}`)
    if (!this.lesson.states.includes(stored.state)) throw new Error("its state is unknown")
    if (!(stored.context in this.lesson.fields)) throw new Error("its context is unknown")
    this.begin()
    this.context = stored.context
    for (const act of ["act1", "act2"]) {
      if (this.reached(`${act}_explore`, stored.state)) this.predictions[act] = this.nearestAnswer(act, stored.predictions[act])
      const given = stored.answers[act]
      if (given !== undefined && !(given in this.lesson.acts[act].reflection.feedback)) throw new Error("an answer is unknown")
      if (given !== undefined) this.answers[act] = given
      for (const [context, values] of Object.entries(stored.controls?.[act] ?? {})) {
        if (context in this.lesson.fields) this.remembered[act][context] = this.near(act, context, values)
      }
      this.enter(act, {}, {})
    }
    this.moved = new Set(stored.moved.filter((act) => act in this.lesson.acts))
    this.solved = new Set(stored.solved.filter((context) => context in this.lesson.fields))
    this.cliff = stored.constraint_hit === true
    for (const {id, options} of this.lesson.questions) {
      if (options.some((option) => option.id === stored.named[id])) this.named[id] = stored.named[id]
    }
    this.state = stored.state
    if (this.predictions.act1 !== undefined) this.keepFirst()
    const last = stored.last_design
    if (last && last.context in this.lesson.fields) {
      this.lastDesign = {context: last.context, index: this.index("act2", this.near("act2", last.context, last.controls), last.context)}
    }
    this.lookAtDesign(false)
  }

  // The recorded answer nearest to a locked one; a live page takes numbers between those that a snapshot knows.
  nearestAnswer(act, value) {
    const {answers} = this.lesson.acts[act].prediction
    if (answers.some((answer) => answer.value === value)) return value
    if (typeof value !== "number" || typeof answers[0].value !== "number") throw new Error("a prediction is unknown")
    return answers.reduce((near, {value: known}) => (Math.abs(known - value) < Math.abs(near - value) ? known : near), answers[0].value)
  }

  near(act, context, values) {
    const at = {}
    for (const control of this.controls(act, context)) {
      const value = values[control.name]
      at[control.name] = control.values.indexOf(value)
      if (at[control.name] >= 0) continue
      at[control.name] = control.default
      if (typeof value !== "number" || control.ids !== undefined) continue
      const distances = control.values.map((kept) => Math.abs(kept - value))
      at[control.name] = distances.indexOf(Math.min(...distances))
      this.notices.push(`${control.definition.label}: this snapshot has fewer steps than the live lab; it stands at ${control.texts[at[control.name]]}.`)
    }
    return at
  }

  // --- links ---

  address() {
    const query = {context: this.context}
    for (const act of ["act1", "act2"]) {
      if (!this.reached(`${act}_explore`)) continue
      for (const control of this.controls(act)) {
        const at = this.at[act][control.name]
        if (at !== control.default) query[`${act}.${control.name}`] = control.ids?.[at] ?? String(control.values[at])
      }
    }
    return query
  }

  follow(query) {
    if (query.get("context") in this.lesson.fields) this.switchTo(query.get("context"))
    for (const act of ["act1", "act2"]) {
      const named = this.controls(act).filter((control) => query.has(`${act}.${control.name}`))
      if (named.length === 0) continue
      for (const control of this.controls(act)) this.at[act][control.name] = control.default
      for (const control of named) {
        const text = query.get(`${act}.${control.name}`)
        const position = control.ids?.indexOf(text) ?? control.values.findIndex((value) => value === Number(text))
        if (position >= 0) this.at[act][control.name] = position
        else this.notices.push(`The link asked for a step of “${control.definition.label}” that this snapshot does not have.`)
      }
      this.at[act] = this.settle(act, this.at[act])
    }
    this.lookAtDesign(false)
  }
}
