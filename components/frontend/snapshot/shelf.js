// The ledger of a reader of snapshots, in the browser's own storage: all labs of one folder share it.
// What is exported is what `mlsys-labs ledger` and the live pages import, and the other way round.

const PLACE = "mlsys-labs-ledger"
const SCHEMA = "mlsys-labs/ledger"
const VERSION = 1
const MOST_BYTES = 1_000_000
const EMPTY = {entries: {}, progress: {}, attempts: {}, first: {}}

export class ImportProblem extends Error {}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value)
const isTime = (text) => typeof text === "string" && !Number.isNaN(Date.parse(text)) && /(Z|[+-]\d\d:\d\d)$/.test(text)

function checked(list, what, keys, test) {
  if (!Array.isArray(list)) throw new ImportProblem(`The ${what} of the file must be a list. Nothing was imported.`)
  const skipped = []
  const records = list.filter((record, i) => {
    const problem = isObject(record) && typeof record.key === "string" ? test(record) : "it needs a key"
    if (problem) throw new ImportProblem(`Nothing was imported. ${what} ${i + 1}: ${problem}.`)
    if (!keys.includes(record.key)) skipped.push(record.key)
    return keys.includes(record.key)
  })
  return {records, skipped}
}

function parsed(text) {
  if (text.length > MOST_BYTES) throw new ImportProblem(`The file has ${text.length} characters; a ledger has at most ${MOST_BYTES}. Nothing was imported.`)
  let top
  try {
    top = JSON.parse(text)
  } catch (problem) {
    throw new ImportProblem(`The file is not JSON: ${problem.message}. Nothing was imported.`)
  }
  if (!isObject(top) || top.schema !== SCHEMA) {
    throw new ImportProblem(`The file is not an exported ledger: its "schema" is not "${SCHEMA}". Nothing was imported.`)
  }
  if (top.version !== VERSION) {
    throw new ImportProblem(`The file has version ${JSON.stringify(top.version)}, this page reads version ${VERSION}. Nothing was imported.`)
  }
  return top
}

export class Shelf {
  // `keys` are those of all labs of the course.
  constructor(keys) {
    this.keys = keys
    this.content = structuredClone(EMPTY)
    this.problem = ""
    this.read()
  }

  read() {
    try {
      const stored = JSON.parse(window.localStorage.getItem(PLACE) ?? "null")
      if (isObject(stored)) this.content = {...structuredClone(EMPTY), ...stored}
      window.localStorage.setItem(PLACE, JSON.stringify(this.content))
    } catch {
      this.problem = "This browser does not let the page store anything: your ledger lasts until you close it. Export it to keep it."
    }
  }

  // Another page of the folder may have written since: its labs are taken over before ours is written.
  change(run) {
    if (!this.problem) this.read()
    run(this.content)
    if (this.problem) return
    try {
      window.localStorage.setItem(PLACE, JSON.stringify(this.content))
    } catch (problem) {
      this.problem = `Not saved: the browser's storage takes no more (${problem.name}). Export your ledger to keep it.`
    }
  }

  entry(key) { return this.content.entries[key] }
  progress(key) { return this.content.progress[key]?.state }
  attempt(key) { return this.content.attempts[key] ?? 1 }
  first(key) { return this.content.first[key] }

  keepProgress(key, state) {
    this.change((content) => { content.progress[key] = {state, updated_at: new Date().toISOString()} })
  }

  keepFirst(key, prediction) {
    this.change((content) => { content.first[key] ??= prediction })
  }

  save(key, design) {
    this.change((content) => {
      content.entries[key] = {design, attempts: this.attempt(key), saved_at: new Date().toISOString()}
    })
  }

  startOver(key) {
    this.change((content) => {
      content.attempts[key] = this.attempt(key) + 1
      delete content.progress[key]
    })
  }

  eraseAll() {
    this.change((content) => {
      content.entries = {}
      content.progress = {}
    })
  }

  exported() {
    this.change(() => {})
    const {entries, progress} = this.content
    return JSON.stringify({
      schema: SCHEMA, version: VERSION, exported_at: new Date().toISOString(),
      entries: Object.entries(entries).map(([key, entry]) => ({key, ...entry})),
      progress: Object.entries(progress).map(([key, row]) => ({key, ...row})),
    }, null, 1)
  }

  // Takes a file in, whole or not at all; of an entry in both places the newer stays. Returns what to tell the reader.
  imported(text) {
    const top = parsed(text)
    const entries = checked(top.entries, "entries", this.keys, (record) =>
      !isObject(record.design) ? "design must be a mapping" : !isTime(record.saved_at) ? "saved_at is no time"
        : !Number.isInteger(record.attempts) || record.attempts < 1 ? "attempts must be a whole number from 1" : "")
    const progress = checked(top.progress ?? [], "progress", this.keys, (record) =>
      !isObject(record.state) ? "state must be a mapping" : !isTime(record.updated_at) ? "updated_at is no time" : "")
    const taken = []
    const resumed = []
    this.change((content) => {
      for (const {key, design, attempts, saved_at} of entries.records) {
        const stored = content.entries[key]
        if (stored && Date.parse(stored.saved_at) >= Date.parse(saved_at)) continue
        content.entries[key] = {design, attempts, saved_at}
        content.attempts[key] = Math.max(content.attempts[key] ?? 1, attempts)
        content.first[key] ??= {prediction: design.act1_prediction ?? null, correct: design.act1_correct ?? null}
        taken.push(key)
      }
      for (const {key, state, updated_at} of progress.records) {
        const stored = content.progress[key]
        if (stored && Date.parse(stored.updated_at) >= Date.parse(updated_at)) continue
        content.progress[key] = {state, updated_at}
        resumed.push(key)
      }
    })
    const kept = entries.records.length - taken.length
    const notes = [
      `Imported ${taken.length} of ${entries.records.length} entries.`,
      kept > 0 ? ` ${kept} stayed, because what is stored is as new or newer.` : "",
      entries.skipped.length > 0 ? ` Left out, because this suite has no such lab: ${entries.skipped.join(", ")}.` : "",
    ]
    return {text: notes.join(""), resumed}
  }
}
