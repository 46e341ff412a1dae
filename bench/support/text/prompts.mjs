const WORDS = 'a photo of dog snow night city cup table boat two people near old red house window sea light'.split(' ')

/** Prompts of some 4 to 12 words, none twice. @param first number of the first one */
export function makePrompts(count, first = 0) {
  return Array.from({ length: count }, (_, index) => {
    const i = first + index
    const words = Array.from({ length: 4 + (i % 9) }, (_, k) => WORDS[(i * 7 + k * (3 + (i % 5))) % WORDS.length])
    return [...words, `${i}`].join(' ')
  })
}
