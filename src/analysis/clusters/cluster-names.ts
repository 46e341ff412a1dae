/** Label of photos that belong to no cluster. */
export const NONE = 'none'

/** Words of a name. */
const WORDS = 2
/** Words that a name may get to differ from others. */
const MOST_WORDS = 4

/**
 * Names clusters by their words, the most telling first: two of them, or more, or a number, where another cluster has the
 * same. A cluster without words is `cluster 3`, by its position.
 * @param words of each cluster
 * @returns different names, in the order of the clusters
 */
export function clusterNames(words: readonly (readonly string[])[]): string[] {
  const taken = new Set([NONE])
  return words.map((own, i) => {
    const different = [...new Set(own.map(word => word.trim().replace(/\s+/g, ' ')))].filter(word => word !== '')
    const counts = Array.from({ length: MOST_WORDS - WORDS + 1 }, (_, more) => WORDS + more)
    const candidates =
      different.length > 0 ? counts.map(count => different.slice(0, count).join(', ')) : [`cluster ${i + 1}`]
    const name = candidates.find(each => !taken.has(each.toLowerCase())) ?? numbered(candidates.at(-1)!, taken)
    taken.add(name.toLowerCase())
    return name
  })
}

function numbered(name: string, taken: ReadonlySet<string>): string {
  for (let number = 2; ; number++) {
    const candidate = `${name} ${number}`
    if (!taken.has(candidate.toLowerCase())) return candidate
  }
}
