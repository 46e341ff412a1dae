import { darker, groundInk, lighter, mix, type Palette, tint } from './palette.js'
import type { Random } from './random.js'
import { circle, ellipse, glowGradient, linearGradient, path, polygon, rect, round, stroke } from './shapes.js'
import type { Ground, Time, Weather } from './truth.js'

/** The picture plane. All lengths are in pixels of the full picture. */
export interface Frame {
  width: number
  height: number
  /** Side of the centre square, the input of an encoder. */
  side: number
  /** Upper edge of the centre square. */
  top: number
  /** Where sky meets ground, or a wall its floor. */
  horizon: number
}

export interface Outdoors extends Frame {
  time: Time
  weather: Weather
  ground: Ground
  palette: Palette
  random: Random
}

/** Two or three layers of hills, paler with distance; in a city the layers are roofs with windows. */
export function drawDistance(scene: Outdoors): string {
  const { ground, horizon, palette, random, side, width } = scene
  if (ground === 'city') return drawSkyline(scene)
  const land = ground === 'water' ? '#4d7a68' : groundInk(ground)
  const layers = random.integer(1, 3)
  let hills = ''
  for (let i = 0; i < layers; i++) {
    const near = (i + 1) / layers
    const rise = side * random.between(0.03, 0.1) * (1.3 - near * 0.5)
    const fill = mix(tint(palette, darker(land, 0.12)), palette.sky[3], 0.65 - near * 0.4)
    hills += ridge(width, horizon + 2, rise, random, fill)
  }
  return hills
}

function ridge(width: number, base: number, rise: number, random: Random, fill: string): string {
  const phase = random.between(0, 7)
  const waves = random.between(1.2, 2.6)
  let d = `M0 ${round(base)}`
  for (let i = 0; i <= 24; i++) {
    const t = i / 24
    const up = 0.5 + 0.32 * Math.sin(t * waves * 6.283 + phase) + 0.18 * Math.sin(t * waves * 15 + phase * 2.1)
    d += `L${round(t * width)} ${round(base - rise * Math.max(0.05, up))}`
  }
  return path(`${d}L${width} ${round(base)}Z`, fill)
}

/** A chain of snow-capped peaks whose highest summit stands `rise` above the horizon. */
export function drawMountains(scene: Outdoors, rise: number, centre: number, peaks: number): string {
  const { horizon, palette, random, side, weather } = scene
  const veil = weather === 'fog' ? 0.4 : 0.12
  const rock = mix(tint(palette, '#6f7c92'), palette.sky[2], veil)
  const dark = mix(tint(palette, '#4d586e'), palette.sky[2], veil)
  const snow = mix(tint(palette, '#f7fafd', 0.8), palette.sky[2], veil * 0.5)
  const one = (x: number, height: number) => {
    const half = height * random.between(0.75, 0.95)
    const y = horizon + 3
    const cap = 0.34
    const tip = y - height
    return (
      polygon([x - half, y, x, tip, x + half, y], rock) +
      polygon([x, tip, x + half, y, x + half * 0.15, y, x - half * 0.08, y - height * 0.55], dark) +
      polygon(
        [
          x,
          tip,
          x + half * cap,
          tip + height * cap,
          x + half * 0.16,
          tip + height * 0.27,
          x + half * 0.03,
          tip + height * 0.4,
          x - half * 0.14,
          tip + height * 0.27,
          x - half * cap,
          tip + height * cap,
        ],
        snow,
      )
    )
  }
  const others = []
  for (let i = 1; i < peaks; i++) {
    const aside = (i % 2 ? 1 : -1) * Math.ceil(i / 2)
    others.push(one(centre + aside * side * random.between(0.26, 0.36), rise * random.between(0.5, 0.75)))
  }
  return others.reverse().join('') + one(centre, rise)
}

function drawSkyline({ horizon, palette, random, side, width }: Outdoors): string {
  let towers = ''
  for (const depth of [0.62, 0.3]) {
    let x = -side * 0.05
    while (x < width) {
      const w = side * random.between(0.07, 0.13)
      const h = side * random.between(0.08, 0.3) * (depth > 0.5 ? 1.15 : 0.75)
      const wall = mix(tint(palette, random.pick(['#8a93a6', '#a39a94', '#7b8794', '#b0a292'])), palette.sky[3], depth)
      towers += rect(x, horizon - h, w, h + 3, wall)
      const pane = side * 0.012
      for (let wy = horizon - h + pane; wy < horizon - pane * 2; wy += pane * 2.4) {
        for (let wx = x + pane; wx < x + w - pane * 1.5; wx += pane * 2.2) {
          const on = palette.lit && random.chance(0.5)
          if (on || !palette.lit) towers += rect(wx, wy, pane, pane * 1.3, on ? '#ffd97a' : lighter(wall, 0.25))
        }
      }
      x += w + side * random.between(-0.005, 0.02)
    }
  }
  return towers
}

/** The ground from the horizon down to the lower edge. */
export function drawGround(scene: Outdoors): string {
  const { ground, height, horizon, palette, width } = scene
  const mirror = ground === 'water' ? 0.3 : 0
  const ink = mix(tint(palette, groundInk(ground)), palette.sky[2], mirror)
  const far = mix(ink, palette.sky[3], ground === 'water' ? 0.5 : 0.3)
  const near = ground === 'snow' ? mix(ink, palette.sky[1], 0.14) : darker(ink, 0.14)
  const gradient = linearGradient('ground', [
    [0, far],
    [0.35, ink],
    [1, near],
  ])
  const base = `<defs>${gradient}</defs>${rect(0, horizon, width, height - horizon, 'url(#ground)')}`
  return (
    base +
    { snow: drawDrifts, grass: drawTufts, sand: drawRipples, water: drawWaves, city: drawRoad, floor: () => '' }[
      ground
    ](scene)
  )
}

function drawDrifts({ height, horizon, palette, random, side, width }: Outdoors): string {
  let drifts = ''
  for (let i = 0; i < 3; i++) {
    const y = horizon + (height - horizon) * (0.25 + i * 0.28)
    const fill = mix(tint(palette, '#ffffff', 0.75), tint(palette, '#b9cfe8'), random.between(0.1, 0.5))
    drifts += path(
      `M0 ${round(y)}Q${round(width * random.between(0.15, 0.35))} ${round(y - side * 0.06)} ${round(width * 0.5)} ${round(y)}` +
        `T${width} ${round(y + side * random.between(-0.03, 0.02))}V${height}H0Z`,
      fill,
      'opacity="0.7"',
    )
  }
  return drifts
}

function drawTufts({ height, horizon, palette, random, width }: Outdoors): string {
  const blade = tint(palette, '#4a8a2c')
  const pale = tint(palette, '#8fcb5c')
  let tufts = ''
  for (let i = 0; i < 46; i++) {
    const depth = random.next()
    const x = random.between(0, width)
    const y = horizon + (height - horizon) * (0.08 + depth * 0.92)
    const size = 2 + depth * 8
    tufts += stroke(
      `M${round(x - size * 0.4)} ${round(y - size)}L${round(x)} ${round(y)}L${round(x + size * 0.4)} ${round(y - size)}`,
      random.chance(0.5) ? blade : pale,
      0.6 + depth,
    )
  }
  return tufts
}

function drawRipples({ height, horizon, palette, random, width }: Outdoors): string {
  const dark = tint(palette, '#d3b06c')
  let ripples = ''
  for (let i = 0; i < 20; i++) {
    const depth = random.next()
    const x = random.between(-20, width)
    const y = horizon + (height - horizon) * (0.06 + depth * 0.94)
    const w = 18 + depth * 60
    ripples += stroke(
      `M${round(x)} ${round(y)}q${round(w / 2)} ${round(-2 - depth * 6)} ${round(w)} 0`,
      dark,
      0.8 + depth * 1.6,
      'opacity="0.8"',
    )
  }
  return ripples
}

function drawWaves({ height, horizon, palette, random, time, width }: Outdoors): string {
  const crest = time === 'night' ? mix(palette.sky[3], '#ffffff', 0.25) : mix(palette.sky[3], '#ffffff', 0.45)
  let waves = ''
  for (let i = 0; i < 44; i++) {
    const depth = random.next() ** 1.2
    const x = random.between(-10, width)
    const y = horizon + (height - horizon) * (0.03 + depth * 0.97)
    const w = 8 + depth * 44
    waves += stroke(
      `M${round(x)} ${round(y)}q${round(w / 4)} ${round(-1 - depth * 3)} ${round(w / 2)} 0t${round(w / 2)} 0`,
      crest,
      0.8 + depth * 1.6,
      `opacity="${round(random.between(0.25, 0.7))}"`,
    )
  }
  return waves
}

function drawRoad({ height, horizon, palette, random, width }: Outdoors): string {
  const top = horizon + (height - horizon) * 0.3
  const paint = tint(palette, '#f1ead2')
  const dash = width / 9
  let road =
    rect(0, horizon, width, top - horizon, tint(palette, '#b3aea6')) +
    rect(0, top, width, height - top, tint(palette, '#4a4d55')) +
    rect(0, top, width, 3, tint(palette, '#d8d3c8'))
  const shift = random.between(0, dash)
  for (let x = -shift; x < width; x += dash) road += rect(x, top + (height - top) * 0.62, dash * 0.55, 4, paint)
  return road
}

/** Draws the weather in front of everything, and the mist of dawn. */
export function drawWeather(scene: Outdoors): string {
  const { height, horizon, palette, random, side, time, weather, width } = scene
  const bands = (count: number, opacity: number) => {
    let mist = `<defs>${glowGradient('mist', palette.haze, opacity)}</defs>`
    for (let i = 0; i < count; i++) {
      mist += ellipse(
        random.between(0, width),
        horizon + side * random.between(-0.1, 0.14),
        side * random.between(0.4, 0.8),
        side * random.between(0.03, 0.08),
        'url(#mist)',
      )
    }
    return mist
  }
  let veil = time === 'dawn' ? bands(4, 0.5) : ''
  if (weather === 'fog') veil += rect(0, 0, width, height, palette.haze, 'opacity="0.34"') + bands(7, 0.6)
  if (weather === 'rain') {
    for (let i = 0; i < 130; i++) {
      const length = side * random.between(0.025, 0.06)
      const x = random.between(0, width)
      const y = random.between(-10, height)
      veil += stroke(
        `M${round(x)} ${round(y)}l${round(-length * 0.25)} ${round(length)}`,
        '#e3edf7',
        1.3,
        'opacity="0.6"',
      )
    }
  }
  if (weather === 'snowfall') {
    for (let i = 0; i < 130; i++) {
      veil += circle(
        random.between(0, width),
        random.between(0, height),
        side * random.between(0.003, 0.009),
        '#ffffff',
        'opacity="0.9"',
      )
    }
  }
  return veil
}
