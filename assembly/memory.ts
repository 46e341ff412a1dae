/** Where the file lies, and where it ends. */
export let input: usize = 0
export let inputEnd: usize = 0
/** Memory that is free. */
let free: usize = 0

/** Room for a file, and all that was taken before is free. @param size in bytes @returns where it is to be put; 0 if there is no room */
export function open(size: i32): usize {
  input = (__heap_base + 15) & ~15
  inputEnd = input + size
  free = (inputEnd + 64) & ~15
  return reserve() ? input : 0
}

/** Takes memory, which may be used once it is reserved. */
export function take(size: usize): usize {
  const at = free
  free = (free + size + 15) & ~15
  return at
}

/** Makes sure that there is all that was taken. @returns whether there is */
export function reserve(): bool {
  const pages = <i32>((free + 0xffff) >>> 16)
  const more = pages - memory.size()
  return more <= 0 || memory.grow(more) >= 0
}
