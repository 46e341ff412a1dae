import { randomFrom } from '../random.js'
import { classCounts, type Samples } from './samples.js'

type Classes = Pick<Samples, 'classes' | 'classCount'>

/** Places of samples for training and for testing, rising. */
export interface Split {
  train: Int32Array
  test: Int32Array
}

/**
 * Splits samples at random so that each class has the same share in both parts, but for rounding. A class of two or
 * more has one in each part.
 * @param share of the test part, in (0, 1)
 */
export function stratifiedSplit(samples: Classes, share: number, seed: number): Split {
  const tested = new Uint8Array(samples.classes.length)
  for (const { places, wanted } of roundedShares(placesByClass(samples, seed), share))
    for (const place of places.subarray(0, wanted)) tested[place] = 1
  return splitBy(tested.length, place => tested[place] === 1)
}

/**
 * Deals the samples of each class into folds at random, as evenly as possible: each fold is the test part of one split.
 * The rest of a class goes on where that of the class before ended, so that folds differ by at most one sample in all.
 */
export function stratifiedFolds(samples: Classes, folds: number, seed: number): Split[] {
  const foldOf = new Int32Array(samples.classes.length)
  let next = 0
  for (const places of placesByClass(samples, seed)) for (const place of places) foldOf[place] = next++ % folds
  return Array.from({ length: folds }, (_, fold) => splitBy(foldOf.length, place => foldOf[place] === fold))
}

/** By the method of largest remainders, so that the parts have the wanted size in all. */
function roundedShares(byClass: Int32Array[], share: number): { places: Int32Array; wanted: number }[] {
  const total = byClass.reduce((sum, { length }) => sum + length, 0)
  const shares = byClass.map(places => {
    const exact = places.length * share
    const wanted = Math.min(Math.max(Math.floor(exact), Math.min(1, places.length - 1)), Math.max(places.length - 1, 0))
    return { places, wanted, rest: exact - wanted }
  })
  let missing = Math.ceil(total * share) - shares.reduce((sum, { wanted }) => sum + wanted, 0)
  for (const each of [...shares].sort((a, b) => b.rest - a.rest))
    if (missing > 0 && each.wanted < each.places.length - 1) {
      each.wanted++
      missing--
    }
  return shares
}

/** Places of each class, shuffled (Fisher and Yates). */
function placesByClass(samples: Classes, seed: number): Int32Array[] {
  const random = randomFrom(seed)
  const byClass = Array.from(classCounts(samples), count => new Int32Array(count))
  const filled = new Int32Array(samples.classCount)
  samples.classes.forEach((each, place) => {
    byClass[each]![filled[each]!++] = place
  })
  for (const places of byClass)
    for (let i = places.length - 1; i > 0; i--) {
      const other = Math.floor(random() * (i + 1))
      const moved = places[i]!
      places[i] = places[other]!
      places[other] = moved
    }
  return byClass
}

function splitBy(count: number, isTested: (place: number) => boolean): Split {
  const all = Array.from({ length: count }, (_, place) => place)
  return {
    train: Int32Array.from(all.filter(place => !isTested(place))),
    test: Int32Array.from(all.filter(isTested)),
  }
}
