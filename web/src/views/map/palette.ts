import type { Palette } from './draw-points.js'

/** Twelve hues that stay apart for most eyes, on light and on dark paper (after Paul Tol's and Okabe and Ito's sets). */
const COLORS = {
  light: [
    ...['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#7a5195', '#b58900'],
    ...['#56b4e9', '#882255', '#44aa99', '#999933', '#e34a6f', '#5b6770'],
  ],
  dark: [
    ...['#4aa8e0', '#f28e4b', '#3fc79d', '#e5a0c6', '#b08fd0', '#e0bc4a'],
    ...['#8fd0f5', '#d0669a', '#7fd6c8', '#c8c860', '#ff8aa3', '#a9b4bc'],
  ],
}
const OTHERS = { light: '#a3a59e', dark: '#6f736d' }
const FADED = { light: '#e3e3dd', dark: '#2c2f2c' }

export type Theme = keyof typeof OTHERS

export const colorOf = (theme: Theme, value: number): string => COLORS[theme][value % COLORS[theme].length]!
export const colorOfOthers = (theme: Theme): string => OTHERS[theme]

export function paletteOf(theme: Theme): Palette {
  return {
    values: Uint32Array.from(COLORS[theme], pixelOf),
    others: pixelOf(OTHERS[theme]),
    faded: pixelOf(FADED[theme]),
  }
}

/** Little-endian, as the typed arrays of every browser are. */
function pixelOf(color: string): number {
  const [red, green, blue] = [1, 3, 5].map(at => Number.parseInt(color.slice(at, at + 2), 16))
  return ((255 << 24) | (blue! << 16) | (green! << 8) | red!) >>> 0
}
