/** Memory is a stack: the file, then buffers, all freed by the next `open`. It grows and never shrinks. */

/** Start and end of the file. */
export let input: usize = 0
export let inputEnd: usize = 0
/** Start of the free memory. */
let free: usize = 0

/** Frees everything and makes room for a file. @param size in bytes @returns where to put it; 0 if there is no room */
export function open(size: i32): usize {
  input = (__heap_base + 15) & ~15
  inputEnd = input + size
  free = (inputEnd + 64) & ~15
  return reserve() ? input : 0
}

/** Takes memory, which may be used after `reserve`. */
export function take(size: usize): usize {
  const at = free
  free = (free + size + 15) & ~15
  return at
}

/** Grows the memory to what was taken. @returns whether that worked */
export function reserve(): bool {
  const pages = <i32>((free + 0xffff) >>> 16)
  const more = pages - memory.size()
  return more <= 0 || memory.grow(more) >= 0
}
