import { type Matrix, matrix } from '../../src/analysis/matrix/matrix.js'
import { randomFrom } from '../../src/analysis/random.js'

/** Groups of points around random centres. The group of row i is i % groups. */
export function blobs(rows: number, columns: number, groups: number, spread: number, seed = 1): Matrix {
  const random = randomFrom(seed)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const centres = Array.from({ length: groups * columns }, () => normal())
  const made = matrix(rows, columns)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++)
      made.values[i * columns + j] = centres[(i % groups) * columns + j]! + spread * normal()
  return made
}

/** Whether two assignments group the same rows. */
export function sameGroups(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  const [there, back] = [new Map<number, number>(), new Map<number, number>()]
  for (let i = 0; i < a.length; i++) {
    if ((there.get(a[i]!) ?? b[i]) !== b[i] || (back.get(b[i]!) ?? a[i]) !== a[i]) return false
    there.set(a[i]!, b[i]!)
    back.set(b[i]!, a[i]!)
  }
  return true
}
