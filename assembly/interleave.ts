export class Interleave {
  /** Interleaves the lower halves of two vectors of 16-bit numbers. */
  @inline
  static low(a: v128, b: v128): v128 {
    return v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
  }

  /** Interleaves the upper halves. */
  @inline
  static high(a: v128, b: v128): v128 {
    return v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
  }
}
