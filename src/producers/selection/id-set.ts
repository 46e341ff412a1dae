import { hash64 } from './hash64.js'

const MAX_LOAD = 0.7

/**
 * A set of ids that stores 64 bits of each id's hash: 11 to 23 bytes per id (a `Set` of strings needs about 90), 134
 * MB for the 7.4 M photos of the full dataset. Two different ids of an input share a hash with a probability of
 * n²/2⁶⁵: one in 37 million for a million photos, one in 670,000 for the full dataset.
 *
 * Open addressing with linear probing; the table doubles when it is 70 % full.
 */
export class IdSet {
  /** Pairs of (high, low); a cell with low zero is free. */
  private cells: Uint32Array
  private count = 0

  /** @param capacity cells at the start, a power of two */
  constructor(capacity = 4096) {
    this.cells = new Uint32Array(2 * capacity)
  }

  get size(): number {
    return this.count
  }

  /** @returns whether the id is new */
  add(id: string): boolean {
    const { high, low } = hash64(id)
    if (!insert(this.cells, high, low || 1)) return false
    this.count++
    if (2 * this.count > MAX_LOAD * this.cells.length) this.grow()
    return true
  }

  has(id: string): boolean {
    const { high, low } = hash64(id)
    return contains(this.cells, high, low || 1)
  }

  private grow(): void {
    const larger = new Uint32Array(2 * this.cells.length)
    for (let i = 0; i < this.cells.length; i += 2)
      if (this.cells[i + 1] !== 0) insert(larger, this.cells[i]!, this.cells[i + 1]!)
    this.cells = larger
  }
}

/** @param low not zero, which marks a free cell */
function insert(cells: Uint32Array, high: number, low: number): boolean {
  const mask = cells.length / 2 - 1
  for (let cell = high & mask; ; cell = (cell + 1) & mask) {
    const i = 2 * cell
    if (cells[i + 1] === 0) {
      cells[i] = high
      cells[i + 1] = low
      return true
    }
    if (cells[i] === high && cells[i + 1] === low) return false
  }
}

function contains(cells: Uint32Array, high: number, low: number): boolean {
  const mask = cells.length / 2 - 1
  for (let cell = high & mask; ; cell = (cell + 1) & mask) {
    const i = 2 * cell
    if (cells[i + 1] === 0) return false
    if (cells[i] === high && cells[i + 1] === low) return true
  }
}
