// Reads the columns that `labs.snapshot.columns` wrote: each slot's different values once, and who shows which.

export async function inflate(base64) {
  const packed = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

const INTEGERS = {1: Int8Array, 2: Int16Array, 4: Int32Array}

// The bytes of 32-bit floats lie plane by plane: all first bytes, all second bytes, and so on.
function floats(body, start, count) {
  const bytes = new Uint8Array(4 * count)
  for (let plane = 0; plane < 4; plane++) {
    for (let i = 0; i < count; i++) bytes[4 * i + plane] = body[start + plane * count + i]
  }
  return Float64Array.from(new Float32Array(bytes.buffer))
}

function arraysOf(slot, body) {
  const count = slot.count
  const lengths = Array.isArray(slot.length) ? slot.length : Array(count).fill(slot.length)
  const flat = floats(body, slot.at, lengths.reduce((sum, length) => sum + length, 0))
  let start = 0
  return lengths.map((length) => flat.subarray(start, start += length))
}

export class Recorded {
  constructor(bytes) {
    const length = new DataView(bytes.buffer).getUint32(0, true)
    const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)))
    this.body = bytes.subarray(4 + length)
    this.states = head.states
    this.predictions = head.predictions
    this.slots = head.slots
  }

  // Number of the value that a slot shows; -1 where it does not exist. Two equal numbers are the same value.
  number(name, state, prediction) {
    const slot = this.slots[name]
    if (slot === undefined) return -1
    if (slot.by === undefined) return 0
    if (slot.shown === undefined) {
      const count = {state: this.states, prediction: this.predictions, both: this.states * this.predictions}[slot.by]
      // A copy, because an integer of two or four bytes must begin at a multiple of them.
      slot.shown = new INTEGERS[slot.size](this.body.slice(slot.numbers, slot.numbers + slot.size * count).buffer)
    }
    return slot.shown[{state, prediction, both: state * this.predictions + prediction}[slot.by]]
  }

  // Names of the slots right under one, as far as they exist: ["0/x", "0/y", "1/text", …].
  under(name, state, prediction) {
    const start = `${name}/`
    return Object.keys(this.slots)
      .filter((slot) => slot.startsWith(start) && this.number(slot, state, prediction) >= 0)
      .map((slot) => slot.slice(start.length))
  }

  value(name, state, prediction) {
    const number = this.number(name, state, prediction)
    if (number < 0) return undefined
    const slot = this.slots[name]
    slot.values ??= arraysOf(slot, this.body)
    return slot.values[number]
  }
}
