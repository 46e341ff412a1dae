import type { Outdoors } from './landscape.js'
import { darker, mix, type Palette } from './palette.js'
import { circle, ellipse, glowGradient, linearGradient, path, rect, round } from './shapes.js'

/** Discs in the sky: the sun, a small moon, or none (a large moon follows later). */
export type Disc = 'sun' | 'moon' | 'none'

export function drawSky(scene: Outdoors, disc: Disc): string {
  const { width, height, horizon, palette, random, time, weather } = scene
  const [top, high, low, edge] = palette.sky
  const gradient = linearGradient('sky', [
    [0, top],
    [0.4, high],
    [0.75, low],
    [1, edge],
  ])
  return (
    `<defs>${gradient}${glowGradient('glow', palette.glow, 0.85)}</defs>` +
    rect(0, 0, width, horizon + 2, 'url(#sky)') +
    rect(0, horizon, width, height - horizon, edge) +
    (time === 'night' && weather !== 'rain' && weather !== 'fog' ? drawStars(scene) : '') +
    { sun: drawSun, moon: drawSmallMoon, none: () => '' }[disc](scene) +
    drawClouds(scene, { clear: random.integer(0, 2), cloudy: 7, rain: 8, fog: 3, snowfall: 5 }[weather])
  )
}

/** Draws the sun. Its height and size, and the colours, distinguish dawn, day and dusk. */
function drawSun({ width, side, top, horizon, palette, random, time, weather }: Outdoors): string {
  const x = width / 2 + random.between(-0.42, 0.42) * side
  const veiled = weather === 'rain' || weather === 'fog' || weather === 'snowfall'
  if (time === 'day') {
    if (weather !== 'clear' && weather !== 'cloudy') return ''
    const y = top + side * random.between(0.08, 0.18)
    return circle(x, y, side * 0.19, 'url(#glow)') + circle(x, y, side * 0.055, palette.disc)
  }
  if (time === 'dawn') {
    const y = horizon - side * random.between(0.01, 0.08)
    return (
      circle(x, y, side * 0.34, 'url(#glow)') + circle(x, y, side * 0.06, palette.disc, veiled ? 'opacity="0.5"' : '')
    )
  }
  const y = horizon - side * random.between(-0.01, 0.06)
  return circle(x, y, side * 0.46, 'url(#glow)') + circle(x, y, side * 0.1, palette.disc, veiled ? 'opacity="0.6"' : '')
}

function drawStars({ width, horizon, random }: Outdoors): string {
  const count = Math.round((width * horizon) / 2600)
  let stars = ''
  for (let i = 0; i < count; i++) {
    const size = random.between(0.6, 1.9)
    stars += circle(
      random.between(0, width),
      horizon * random.next() ** 1.3,
      size,
      '#ffffff',
      `opacity="${round(random.between(0.4, 1))}"`,
    )
  }
  return stars
}

function drawSmallMoon(scene: Outdoors): string {
  const { width, side, top, random } = scene
  const x = width / 2 + random.between(-0.38, 0.38) * side
  const y = top + side * random.between(0.1, 0.2)
  return drawMoon(scene, x, y, side * random.between(0.05, 0.065), random.chance(0.5))
}

/** A moon with craters and a halo, full or as a crescent. */
export function drawMoon(
  { palette }: { palette: Palette },
  x: number,
  y: number,
  r: number,
  crescent: boolean,
): string {
  const disc = palette.lit ? '#f6f1d6' : mix('#f6f1d6', palette.sky[1], 0.12)
  const halo = circle(x, y, r * 2.3, 'url(#halo)')
  const defs = `<defs>${glowGradient('halo', '#e6edff', 0.55)}</defs>`
  if (crescent) {
    const d = `M${round(x)} ${round(y - r)}A${r} ${r} 0 1 0 ${round(x + r)} ${round(y)}A${round(r * 0.8)} ${round(r * 0.8)} 0 0 1 ${round(x)} ${round(y - r)}Z`
    return defs + halo + path(d, disc)
  }
  const crater = (dx: number, dy: number, size: number) =>
    circle(x + dx * r, y + dy * r, size * r, darker(disc, 0.1), 'opacity="0.8"')
  return (
    defs +
    halo +
    circle(x, y, r, disc) +
    [
      [-0.35, -0.3, 0.22],
      [0.3, 0.1, 0.28],
      [-0.2, 0.45, 0.16],
      [0.45, -0.45, 0.12],
      [-0.6, 0.15, 0.1],
    ]
      .map(([dx = 0, dy = 0, size = 0]) => crater(dx, dy, size))
      .join('')
  )
}

function drawClouds({ width, horizon, side, palette, random, weather }: Outdoors, count: number): string {
  let clouds = ''
  for (let i = 0; i < count; i++) {
    const x = random.between(0, width)
    const y = horizon * random.between(0.05, weather === 'clear' ? 0.4 : 0.62)
    const w = side * random.between(0.08, 0.17)
    const fill = mix(palette.cloud, palette.sky[0], random.between(0, 0.25))
    clouds +=
      `<g opacity="${weather === 'clear' ? 0.85 : 0.9}">` +
      ellipse(x, y, w, w * 0.24, fill) +
      ellipse(x - w * 0.35, y - w * 0.14, w * 0.38, w * 0.26, fill) +
      ellipse(x + w * 0.2, y - w * 0.22, w * 0.46, w * 0.34, fill) +
      '</g>'
  }
  return clouds
}
