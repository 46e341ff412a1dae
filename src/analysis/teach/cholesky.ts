/** The lower triangle L of a symmetric positive definite matrix A = L · Lᵀ, [n, n] in row-major order. */
export class Cholesky {
  private constructor(
    private readonly n: number,
    private readonly lower: Float64Array,
  ) {}

  /** @param symmetric [n, n]; changed in place @throws RangeError for a matrix that is not positive definite */
  static of(n: number, symmetric: Float64Array): Cholesky {
    for (let i = 0; i < n; i++) {
      const row = symmetric.subarray(i * n, i * n + n)
      for (let j = 0; j <= i; j++) {
        const other = symmetric.subarray(j * n, j * n + n)
        let sum = row[j]!
        for (let k = 0; k < j; k++) sum -= row[k]! * other[k]!
        if (j < i) row[j] = sum / other[j]!
        else if (sum > 0) row[j] = Math.sqrt(sum)
        else throw new RangeError(`expected a positive definite matrix, found ${sum} at ${i}`)
      }
    }
    return new Cholesky(n, symmetric)
  }

  /** Solves L · x = b in place. @param b [n] */
  solveLower(b: Float64Array): void {
    for (let i = 0; i < this.n; i++) {
      let sum = b[i]!
      for (let k = 0; k < i; k++) sum -= this.lower[i * this.n + k]! * b[k]!
      b[i] = sum / this.lower[i * this.n + i]!
    }
  }

  /** Solves Lᵀ · x = b in place. @param b [n] */
  solveUpper(b: Float64Array): void {
    for (let i = this.n - 1; i >= 0; i--) {
      b[i]! /= this.lower[i * this.n + i]!
      for (let k = 0; k < i; k++) b[k]! -= this.lower[i * this.n + k]! * b[i]!
    }
  }
}
