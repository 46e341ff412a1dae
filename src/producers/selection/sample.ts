import { compareHash64, type Hash64, hash64 } from './hash64.js'

interface Member<T> {
  key: Hash64
  item: T
}

/**
 * A uniform sample in one pass: the items whose ids have the smallest hashes under a seed (bottom-k sampling). It
 * depends only on the seed and the set of ids, not on their order, and a smaller sample is a prefix of a larger one.
 */
export class Sample<T> {
  /** A heap with the largest hash first. */
  private readonly heap: Member<T>[] = []

  constructor(
    private readonly size: number,
    private readonly seed: number,
  ) {}

  offer(id: string, item: T): void {
    const member = { key: hash64(`${this.seed}:${id}`), item }
    if (this.heap.length < this.size) {
      this.heap.push(member)
      this.siftUp(this.heap.length - 1)
    } else if (this.size > 0 && compareHash64(member.key, this.heap[0]!.key) < 0) {
      this.heap[0] = member
      this.siftDown(0)
    }
  }

  /** The sample, in the order of the hashes. */
  items(): T[] {
    return [...this.heap].sort((a, b) => compareHash64(a.key, b.key)).map(member => member.item)
  }

  private siftUp(index: number): void {
    for (let child = index; child > 0; ) {
      const parent = (child - 1) >> 1
      if (this.isLarger(parent, child)) return
      this.swap(parent, child)
      child = parent
    }
  }

  private siftDown(index: number): void {
    for (let parent = index; ; ) {
      let largest = parent
      for (const child of [2 * parent + 1, 2 * parent + 2])
        if (child < this.heap.length && this.isLarger(child, largest)) largest = child
      if (largest === parent) return
      this.swap(parent, largest)
      parent = largest
    }
  }

  private isLarger(a: number, b: number): boolean {
    return compareHash64(this.heap[a]!.key, this.heap[b]!.key) > 0
  }

  private swap(a: number, b: number): void {
    ;[this.heap[a], this.heap[b]] = [this.heap[b]!, this.heap[a]!]
  }
}
