/**
 * All eigenvalues and vectors of a symmetric tridiagonal matrix by the QL algorithm with implicit shifts (tql2 of EISPACK).
 * @param diagonal [n] @param beside [n]: the elements beside the diagonal; the last one is not read
 * @returns falling values, [n], and their vectors of unit length, [n, n], one per row
 */
export function tridiagonalEigen(
  diagonal: Float64Array,
  beside: Float64Array,
): { values: Float64Array; vectors: Float64Array } {
  const n = diagonal.length
  const d = diagonal.slice()
  const e = beside.slice()
  e[n - 1] = 0
  // Row i is the vector of d[i].
  const z = new Float64Array(n * n)
  for (let i = 0; i < n; i++) z[i * n + i] = 1
  for (let l = 0; l < n; l++)
    for (let m = firstSmall(d, e, l); m > l; m = firstSmall(d, e, l)) {
      let g = (d[l + 1]! - d[l]!) / (2 * e[l]!)
      let r = Math.hypot(g, 1)
      g = d[m]! - d[l]! + e[l]! / (g + (g >= 0 ? r : -r))
      let s = 1
      let c = 1
      let p = 0
      let i = m - 1
      for (; i >= l; i--) {
        const f = s * e[i]!
        const b = c * e[i]!
        r = Math.hypot(f, g)
        e[i + 1] = r
        if (r === 0) {
          d[i + 1]! -= p
          e[m] = 0
          break
        }
        s = f / r
        c = g / r
        g = d[i + 1]! - p
        r = (d[i]! - g) * s + 2 * c * b
        p = s * r
        d[i + 1] = g + p
        g = c * r - b
        rotate(z, n, i, s, c)
      }
      if (r === 0 && i >= l) continue
      d[l]! -= p
      e[l] = g
      e[m] = 0
    }
  const order = Array.from(d.keys()).sort((a, b) => d[b]! - d[a]!)
  const vectors = new Float64Array(n * n)
  for (const [to, from] of order.entries()) vectors.set(z.subarray(from * n, (from + 1) * n), to * n)
  return { values: Float64Array.from(order, i => d[i]!), vectors }
}

/** The first index from l on behind which the matrix splits. */
function firstSmall(d: Float64Array, e: Float64Array, l: number): number {
  let m = l
  for (; m < d.length - 1; m++) {
    const around = Math.abs(d[m]!) + Math.abs(d[m + 1]!)
    if (Math.abs(e[m]!) <= Number.EPSILON * around) break
  }
  return m
}

/** Rotates rows i and i + 1. */
function rotate(z: Float64Array, n: number, i: number, s: number, c: number): void {
  for (let k = 0, low = i * n, high = (i + 1) * n; k < n; k++, low++, high++) {
    const f = z[high]!
    z[high] = s * z[low]! + c * f
    z[low] = c * z[low]! - s * f
  }
}
