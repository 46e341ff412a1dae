import type { Color, Ground, Time, Weather } from './truth.js'

/** Sky stops from zenith to horizon, the light that falls on everything, and the colour of sun or moon glow. */
export interface Palette {
  sky: [string, string, string, string]
  /** Everything is mixed with this colour by `ambientAmount`: the light of the hour. */
  ambient: string
  ambientAmount: number
  glow: string
  disc: string
  cloud: string
  haze: string
  /** Whether windows, lamps and street lights are on. */
  lit: boolean
}

const PALETTES: Record<Time, Palette> = {
  dawn: {
    sky: ['#8fb0dc', '#c9b9de', '#f6bccb', '#fde3d0'],
    ambient: '#e3b6cf',
    ambientAmount: 0.3,
    glow: '#fff2d8',
    disc: '#fff6df',
    cloud: '#f9d3dc',
    haze: '#fbe6ea',
    lit: false,
  },
  day: {
    sky: ['#3f8fe0', '#6db1ee', '#a3d2f6', '#d8effb'],
    ambient: '#fffbe8',
    ambientAmount: 0.06,
    glow: '#fff6bf',
    disc: '#ffe873',
    cloud: '#ffffff',
    haze: '#eef6fb',
    lit: false,
  },
  dusk: {
    sky: ['#35205f', '#8b2f6b', '#e2553f', '#ffa834'],
    ambient: '#5c1f3f',
    ambientAmount: 0.36,
    glow: '#ffb13d',
    disc: '#ff6a2b',
    cloud: '#b0405f',
    haze: '#e98a5a',
    lit: true,
  },
  night: {
    sky: ['#050a20', '#0b1636', '#14244f', '#213768'],
    ambient: '#0a1636',
    ambientAmount: 0.52,
    glow: '#c9d8ff',
    disc: '#f4f1dc',
    cloud: '#27365f',
    haze: '#33456f',
    lit: true,
  },
}

const INKS: Record<Color, string> = {
  red: '#d92b2b',
  blue: '#2767d8',
  yellow: '#f7cb1b',
  green: '#2f9a4a',
  white: '#f6f5f0',
  orange: '#ee7d1e',
  purple: '#8a3fbf',
  pink: '#f07fae',
  black: '#24242a',
  brown: '#8d5a34',
  grey: '#8c929b',
}

const GROUND_INKS: Record<Ground, string> = {
  snow: '#f3f7fc',
  grass: '#6cb043',
  sand: '#ecd08f',
  water: '#2f86b8',
  city: '#7d828c',
  floor: '#b98556',
}

/** The palette of an hour under a weather: clouds and rain take the colour out of the sky, fog pales it. */
export function paletteOf(time: Time, weather: Weather): Palette {
  const base = PALETTES[time]
  const veil = mix(mix(base.sky[1], base.sky[3], 0.5), time === 'night' ? '#2b3040' : '#8d939e', 0.45)
  const amount = { clear: 0, cloudy: 0.18, rain: 0.42, fog: 0.2, snowfall: 0.2 }[weather]
  const [top, high, low, horizon] = base.sky
  return {
    ...base,
    sky: [
      mix(top, veil, amount),
      mix(high, veil, amount),
      mix(low, veil, amount * 0.9),
      mix(horizon, veil, amount * 0.8),
    ],
    cloud: weather === 'rain' ? mix(base.cloud, '#5a6272', 0.5) : base.cloud,
  }
}

/** A colour of the world under the light of the palette. `strength` scales the light: 0 keeps the ink as it is. */
export function tint(palette: Palette, ink: string, strength = 1): string {
  return mix(ink, palette.ambient, Math.min(1, palette.ambientAmount * strength))
}

export function inkOf(color: Color): string {
  return INKS[color]
}

export function groundInk(ground: Ground): string {
  return GROUND_INKS[ground]
}

/** Linear mix of two `#rrggbb` colours: 0 gives the first, 1 the second. */
export function mix(first: string, second: string, amount: number): string {
  const channel = (at: number) => {
    const from = Number.parseInt(first.slice(at, at + 2), 16)
    const to = Number.parseInt(second.slice(at, at + 2), 16)
    return Math.round(from + (to - from) * amount)
      .toString(16)
      .padStart(2, '0')
  }
  return `#${channel(1)}${channel(3)}${channel(5)}`
}

export const lighter = (ink: string, amount: number) => mix(ink, '#ffffff', amount)
export const darker = (ink: string, amount: number) => mix(ink, '#000000', amount)
