import type { Frame } from './landscape.js'
import { darker, lighter, mix, type Palette, tint } from './palette.js'
import type { Random } from './random.js'
import { circle, ellipse, glowGradient, linearGradient, path, polygon, rect, round, stroke } from './shapes.js'
import type { Time } from './truth.js'

/** Light inside: the hour comes in through the window, and lamps are on from dusk. */
export function roomPalette(outside: Palette, time: Time): Palette {
  const [ambient, ambientAmount] = {
    dawn: ['#efc0d2', 0.3] as const,
    day: ['#fffdf2', 0.08] as const,
    dusk: ['#b0481c', 0.42] as const,
    night: ['#101a40', 0.5] as const,
  }[time]
  return { ...outside, ambient, ambientAmount }
}

export interface Room extends Frame {
  time: Time
  palette: Palette
  random: Random
  /** Side of the window: -1 left, 1 right. */
  windowSide: -1 | 1
}

/** Wall, floor, window with the sky behind it, a rug and a picture. `horizon` is where the wall meets the floor. */
export function drawRoom(room: Room): string {
  const { height, horizon, palette, random, side, time, width, windowSide } = room
  const wall = tint(palette, random.pick(['#e8dcc6', '#cfe0d8', '#dcd6e6', '#f0dcc8', '#d3dfea']))
  const floor = tint(palette, random.pick(['#b98556', '#a87448', '#c99a68', '#94664a']))
  const defs =
    linearGradient('wall', [
      [0, darker(wall, 0.1)],
      [1, wall],
    ]) +
    linearGradient('floor', [
      [0, darker(floor, 0.16)],
      [1, floor],
    ]) +
    linearGradient('sky', [
      [0, palette.sky[0]],
      [0.4, palette.sky[1]],
      [0.75, palette.sky[2]],
      [1, palette.sky[3]],
    ]) +
    glowGradient('glow', palette.glow, 0.9) +
    glowGradient('lamp', '#ffcf70', 0.55)
  const windowX = width / 2 + windowSide * side * random.between(0.14, 0.22)
  return (
    `<defs>${defs}</defs>` +
    rect(0, 0, width, horizon, 'url(#wall)') +
    rect(0, horizon, width, height - horizon, 'url(#floor)') +
    drawPlanks(room, floor) +
    rect(0, horizon - side * 0.025, width, side * 0.025, lighter(wall, 0.35)) +
    drawWindow(room, windowX, horizon - side * random.between(0.48, 0.54), wall) +
    drawPicture(room, width / 2 - windowSide * side * random.between(0.26, 0.36)) +
    (time === 'night' ? '' : drawLightPatch(room, windowX)) +
    drawRug(room)
  )
}

function drawPlanks({ height, horizon, random, width }: Room, floor: string): string {
  let planks = ''
  for (let i = 1; i < 5; i++) {
    const y = horizon + (height - horizon) * (i / 5) ** 1.4
    planks += rect(0, y, width, 1.2, darker(floor, 0.22))
    const x = random.between(0, width)
    planks += rect(x, y, 1.2, (height - horizon) * 0.14, darker(floor, 0.22))
  }
  return planks
}

function drawWindow({ palette, random, side, time }: Room, centre: number, top: number, wall: string): string {
  const w = side * random.between(0.34, 0.42)
  const h = side * random.between(0.34, 0.4)
  const x = centre - w / 2
  const frame = tint(palette, '#fbf7ef')
  const curtain = tint(palette, random.pick(['#c97b63', '#7fa08d', '#8b86b0', '#d9b45f', '#e7e0d2']))
  const hill = mix(tint(palette, '#5f9150'), palette.sky[3], 0.2)
  const sun = {
    dawn: () =>
      circle(x + w * 0.35, top + h * 0.74, w * 0.42, 'url(#glow)') +
      circle(x + w * 0.35, top + h * 0.74, w * 0.08, palette.disc),
    day: () =>
      circle(x + w * 0.72, top + h * 0.24, w * 0.3, 'url(#glow)') +
      circle(x + w * 0.72, top + h * 0.24, w * 0.08, palette.disc),
    dusk: () =>
      circle(x + w * 0.6, top + h * 0.72, w * 0.48, 'url(#glow)') +
      circle(x + w * 0.6, top + h * 0.72, w * 0.13, palette.disc),
    night: () => {
      let stars = ''
      for (let i = 0; i < 22; i++) {
        stars += circle(x + w * random.next(), top + h * 0.8 * random.next(), random.between(0.7, 1.7), '#ffffff')
      }
      return stars
    },
  }[time]()
  const drape = (from: number, side: number) =>
    path(
      `M${round(from)} ${round(top - 8)}h${round(side * w * 0.2)}q${round(-side * w * 0.02)} ${round(h * 0.6)} ${round(-side * w * 0.1)} ${round(h + 22)}h${round(-side * w * 0.1)}Z`,
      curtain,
    )
  return (
    rect(x - 6, top - 6, w + 12, h + 12, frame) +
    `<clipPath id="pane"><rect x="${round(x)}" y="${round(top)}" width="${round(w)}" height="${round(h)}"/></clipPath>` +
    `<g clip-path="url(#pane)">${rect(x, top, w, h, 'url(#sky)')}${sun}` +
    path(
      `M${round(x)} ${round(top + h * 0.84)}q${round(w * 0.3)} ${round(-h * 0.14)} ${round(w * 0.55)} 0t${round(w * 0.5)} ${round(-h * 0.05)}V${round(top + h)}H${round(x)}Z`,
      hill,
    ) +
    '</g>' +
    rect(x + w / 2 - 2.5, top, 5, h, frame) +
    rect(x, top + h * 0.48, w, 5, frame) +
    rect(x - 12, top + h + 5, w + 24, 8, darker(frame, 0.1)) +
    stroke(`M${round(x - w * 0.16)} ${round(top - 9)}H${round(x + w * 1.16)}`, darker(wall, 0.5), 4) +
    drape(x - w * 0.14, 1) +
    drape(x + w * 1.14, -1)
  )
}

function drawPicture({ horizon, palette, random, side }: Room, centre: number): string {
  if (random.chance(0.35)) return ''
  const w = side * random.between(0.1, 0.16)
  const h = side * random.between(0.1, 0.16)
  const y = horizon - side * random.between(0.42, 0.5)
  return (
    rect(centre - w / 2 - 4, y - 4, w + 8, h + 8, tint(palette, '#6b4a33')) +
    rect(centre - w / 2, y, w, h, tint(palette, '#f3ecdc')) +
    ellipse(centre, y + h * 0.6, w * 0.3, h * 0.22, tint(palette, random.pick(['#9db7a5', '#c9a58d', '#a3a9c4'])))
  )
}

/** The window's light on the floor: pale at dawn and by day, orange at dusk. */
function drawLightPatch({ height, horizon, palette, side, time, windowSide }: Room, x: number): string {
  const lean = -windowSide * side * 0.14
  const w = side * 0.19
  const y = horizon + (height - horizon) * 0.12
  const bottom = horizon + (height - horizon) * 0.75
  const color = time === 'dusk' ? '#ff9a3d' : palette.glow
  return polygon(
    [x - w, y, x + w, y, x + w + lean, bottom, x - w + lean, bottom],
    color,
    `opacity="${time === 'dusk' ? 0.5 : 0.32}"`,
  )
}

function drawRug({ height, horizon, palette, random, side, width }: Room): string {
  if (random.chance(0.3)) return ''
  const ink = tint(palette, random.pick(['#b9a58f', '#8fa3a8', '#b58f8a', '#a59bb0']))
  const y = horizon + (height - horizon) * 0.6
  const rx = side * random.between(0.32, 0.4)
  return ellipse(width / 2, y, rx, rx * 0.2, ink) + ellipse(width / 2, y, rx * 0.84, rx * 0.155, lighter(ink, 0.25))
}
