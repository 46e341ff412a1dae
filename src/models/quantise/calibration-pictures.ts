import { createRandom, type Random } from '../../demo-scenes/random.js'

const PICTURES = 16
const LEAVES = 240
/** Radii as shares of the side, with a density of 1 / radius³: then a picture looks alike at every scale. */
const RADII = { least: 0.015, most: 0.6 }

/**
 * Pictures to calibrate with, the same on every machine: leaves of all sizes that fall over each other, each with a
 * colour, a gradient and a grain. Sharp edges, smooth areas and contrasts are distributed as in photos (Lee, Mumford and
 * Huang, Occlusion Models for Natural Images, 2001).
 * @param side in pixels
 * @returns RGB bytes, [side, side, 3] each
 */
export function calibrationPictures(side: number): Uint8Array[] {
  return Array.from({ length: PICTURES }, (_, index) => fallenLeaves(side, createRandom(index + 1)))
}

interface Leaf {
  readonly x: number
  readonly y: number
  readonly radius: number
  readonly isSquare: boolean
  readonly colour: readonly number[]
  /** Change of the brightness over one radius, across and down. */
  readonly gradient: readonly [number, number]
  readonly grain: number
}

function fallenLeaves(side: number, random: Random): Uint8Array {
  const light = random.between(40, 200)
  const contrast = random.between(20, 90)
  const leaves = Array.from({ length: LEAVES }, () => fallingLeaf(side, light, contrast, random))
  // One that covers everything.
  leaves.push({ ...fallingLeaf(side, light, contrast, random), x: side / 2, y: side / 2, radius: 2 * side })
  const picture = new Uint8Array(side * side * 3)
  for (let y = 0, at = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      // The first leaf lies on top.
      const leaf = leaves.find(each => covers(each, x, y))!
      const [across, down] = leaf.gradient
      const shade = (across * (x - leaf.x) + down * (y - leaf.y)) / leaf.radius + leaf.grain * random.between(-1, 1)
      for (const value of leaf.colour) picture[at++] = Math.max(0, Math.min(255, Math.round(value + shade)))
    }
  return picture
}

function fallingLeaf(side: number, light: number, contrast: number, random: Random): Leaf {
  const [least, most] = [RADII.least ** -2, RADII.most ** -2]
  const brightness = light + random.between(-contrast, contrast)
  const tint = random.between(0, 60)
  return {
    x: random.between(0, side),
    y: random.between(0, side),
    radius: side * random.between(most, least) ** -0.5,
    isSquare: random.chance(0.3),
    colour: [0, 1, 2].map(() => brightness + random.between(-tint, tint)),
    gradient: [random.between(-30, 30), random.between(-30, 30)],
    grain: random.chance(0.5) ? random.between(0, 25) : 0,
  }
}

function covers({ x, y, radius, isSquare }: Leaf, atX: number, atY: number): boolean {
  const [across, down] = [Math.abs(atX - x), Math.abs(atY - y)]
  return isSquare ? across <= radius && down <= radius : across * across + down * down <= radius * radius
}
