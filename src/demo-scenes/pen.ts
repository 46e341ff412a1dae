import type { Palette } from './palette.js'
import type { Random } from './random.js'
import type { Color, Ground, Space } from './truth.js'

/** Input of a drawing: its colour, its light and the place of the scene. */
export interface Pen {
  /** The object's own colour, already under the light of the scene. */
  ink: string
  color: Color
  /** Any other colour, put under the light of the scene. */
  light(ink: string): string
  palette: Palette
  random: Random
  ground: Ground
  space: Space
}
