// The report of a reader of snapshots: the page that Python made for nobody, filled in from the browser's own ledger.
// What a lab's answers mean lies in the lesson; what is counted here is counted as in `labs.record`.

const NONE = "–"
const Z = 1.959963984540054

// As Python rounds and groups.
const withThousands = (value, decimals) => value.toLocaleString("en-US", {
  minimumFractionDigits: decimals, maximumFractionDigits: decimals, roundingMode: "halfEven",
}).replace("-", "−")
const percentOf = (share, digits = 0) => `${withThousands(100 * share, digits)} %`

// As `components.quantity.number` writes it: significant digits, thousands separated.
function significant(value, digits) {
  if (value === 0) return "0"
  const magnitude = Math.floor(Math.log10(Math.abs(value)))
  if (magnitude < -4 || magnitude >= 9) return value.toExponential(digits - 1).replace(/e\+?(-?)(\d+)/, (_, sign, power) => ` × 10^${sign ? "−" : ""}${power}`).replace(/^-/, "−")
  const decimals = Math.max(0, digits - 1 - magnitude)
  return withThousands(value, decimals)
}

// Wilson's interval of a share at 95 %, as `mlsysim.physics.wilson_interval`.
function interval(hits, taken) {
  const share = hits / taken
  const scale = 1 + Z * Z / taken
  const middle = (share + Z * Z / (2 * taken)) / scale
  const half = Z * Math.sqrt(share * (1 - share) / taken + Z * Z / (4 * taken * taken)) / scale
  return [hits === 0 ? 0 : Math.max(0, middle - half), hits === taken ? 1 : Math.min(1, middle + half)]
}

const isNumber = (value) => typeof value === "number" && Number.isFinite(value)
const near = (a, b) => a === b || (isNumber(a) && isNumber(b) && Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b)))
const yesOrNo = (value) => (typeof value === "boolean" ? (value ? "yes" : "no") : NONE)

// One lab of the ledger, read leniently: what has the wrong type is missing.
function lineOf(design, lab) {
  const correct = typeof design.act1_correct === "boolean" ? design.act1_correct : null
  const stored = design.act1_prediction
  const line = {correct, wall: typeof design.constraint_hit === "boolean" ? design.constraint_hit : null, ratio: null}
  const cells = {predicted: NONE, actual: NONE, sign: NONE, limit: yesOrNo(design.constraint_hit), result: NONE, decision: NONE}
  if (correct !== null) {
    const answer = lab.answers.find(([value]) => near(value, stored))
    cells.sign = correct ? "✓" : "✕"
    if (answer) [, cells.predicted, line.ratio] = answer
    else if (isNumber(stored)) {
      cells.predicted = [String(stored), lab.asked_unit].filter(Boolean).join(" ")
      if (stored > 0 && lab.value > 0 && lab.asked_unit) line.ratio = stored / lab.value
    } else if (typeof stored === "string") cells.predicted = stored
    if (answer || lab.asked_unit) cells.actual = lab.actual
  }
  if (isNumber(design.act2_result)) {
    const unit = lab.units[design.context] ?? lab.unit
    cells.result = unit === "fraction" ? percentOf(design.act2_result, 1) : `${significant(design.act2_result, 4)} ${unit}`.trim()
  }
  if (typeof design.act2_decision === "string") cells.decision = design.act2_decision.replaceAll("_", " ")
  return {...line, cells, read: Object.keys(design).length > 0}
}

function counted(lines) {
  const taken = lines.filter(({correct}) => correct !== null)
  const walls = lines.filter(({wall}) => wall !== null)
  const hits = taken.filter(({correct}) => correct).length
  const found = walls.filter(({wall}) => wall).length
  return {
    ends: taken.length ? interval(hits, taken.length) : null, share: hits / taken.length,
    right: taken.length ? `${hits} of ${taken.length}` : NONE, limit: walls.length ? `${found} of ${walls.length}` : NONE,
  }
}

function typicalFactor(lines) {
  const factors = lines.filter(({correct, ratio}) => correct === false && ratio)
    .map(({ratio}) => Math.max(ratio, 1 / ratio)).sort((a, b) => a - b)
  if (factors.length === 0) return NONE
  const half = (factors.length - 1) / 2
  return `${Number(((factors[Math.floor(half)] + factors[Math.ceil(half)]) / 2).toPrecision(2))}×`
}

// The report as a document. `designOf(key)` is a lab's entry, `cells(name)` what depends on the design of this lab.
export function filledReport(report, designOf, {cells, ownPrediction}) {
  const page = new DOMParser().parseFromString(report.document, "text/html")
  const lines = Object.fromEntries(Object.entries(report.labs).map(([key, lab]) => [key, lineOf(designOf(key), lab)]))
  const all = Object.values(lines)
  const whole = counted(all)
  const values = {
    date: new Date().toISOString().slice(0, 10),
    "summary.0": `${all.filter(({read}) => read).length} of ${all.length}`,
    "summary.1": whole.right,
    "summary.2": whole.ends ? `${percentOf(whole.ends[0])} to ${percentOf(whole.ends[1])}` : NONE,
    "summary.3": typicalFactor(all),
    "summary.4": whole.limit,
    "summary.5": ownPrediction,
  }
  for (const [key, line] of Object.entries(lines)) {
    for (const [name, text] of Object.entries(line.cells)) values[`${key}.${name}`] = text
  }
  for (const [key, members] of Object.entries(report.families)) {
    const part = counted(members.map((member) => lines[member]))
    Object.assign(values, {
      [`${key}.right`]: part.right, [`${key}.limit`]: part.limit,
      [`${key}.interval`]: part.ends ? `${withThousands(100 * part.ends[0], 0)} to ${percentOf(part.ends[1])}` : NONE,
    })
    if (!part.ends) continue
    const drawing = page.querySelector(`[data-interval="${key}"]`)
    drawing.querySelector(".share").setAttribute("width", 100 * part.share)
    part.ends.forEach((end, k) => drawing.querySelector("line").setAttribute(`x${k + 1}`, 100 * end))
  }
  for (const cell of page.querySelectorAll("[data-cell]")) {
    const text = values[cell.dataset.cell] ?? cells(cell.dataset.cell)
    if (text === undefined) continue
    cell.textContent = text
    if (cell.hasAttribute("data-sign")) cell.dataset.sign = text
  }
  return `<!DOCTYPE html>\n${page.documentElement.outerHTML}`
}
