import { darker, lighter } from './palette.js'
import type { Pen } from './pen.js'
import { circle, ellipse, path, polygon, rect, stroke } from './shapes.js'

const LAMPLIGHT = '#ffd76a'

export function drawHouse({ ink, light, palette, random, ground }: Pen): string {
  const roof = ground === 'snow' ? light('#f4f8fd') : light(random.pick(['#6b4a3d', '#54535f', '#7a3f36']))
  const pane = palette.lit ? LAMPLIGHT : light('#bfe3f5')
  const frame = light('#fbf7ee')
  const window = (x: number, y: number) =>
    rect(x - 10, y - 10, 20, 20, frame) +
    rect(x - 8, y - 8, 16, 16, pane) +
    stroke(`M${x} ${y - 8}V${y + 8}M${x - 8} ${y}H${x + 8}`, frame, 2)
  const doorAt = random.pick([-22, 0, 22])
  const windows = [-26, 0, 26].filter(x => Math.abs(x - doorAt) > 14).map(x => window(x, -32))
  return (
    ellipse(0, 0, 58, 5, '#000000', 'opacity="0.16"') +
    rect(20, -98, 12, 30, darker(ink, 0.3)) +
    (ground === 'snow' ? rect(18, -101, 16, 5, roof) : '') +
    rect(-45, -58, 90, 58, ink) +
    rect(-45, -8, 90, 8, darker(ink, 0.2)) +
    polygon([-45, -58, 0, -94, 45, -58], lighter(ink, 0.08)) +
    path('M-56 -56L0 -102L56 -56L50 -50L0 -90L-50 -50Z', roof) +
    circle(0, -69, 7, frame) +
    circle(0, -69, 5, pane) +
    windows.join('') +
    rect(doorAt - 9, -36, 18, 36, light('#5b3a29')) +
    circle(doorAt + 5, -17, 1.8, LAMPLIGHT)
  )
}

/** A round tree, a pine where it snows, a palm on sand. */
export function drawTree({ ink, light, random, ground }: Pen): string {
  const bark = light('#6f4a2f')
  const shadow = ellipse(0, 0, 30, 4, '#000000', 'opacity="0.16"')
  if (ground === 'snow') {
    const tier = (top: number, bottom: number, half: number) =>
      polygon([0, top, half, bottom, -half, bottom], ink) +
      polygon(
        [0, top, half * 0.5, (top + bottom) / 2, 0, (top + bottom) / 2 + 5, -half * 0.5, (top + bottom) / 2],
        light('#f6fafe'),
      )
    return shadow + rect(-5, -16, 10, 16, bark) + tier(-50, -12, 38) + tier(-76, -36, 31) + tier(-102, -60, 23)
  }
  if (ground === 'sand') {
    const frond = (x: number, y: number) =>
      path(
        `M6 -84Q${6 + x * 0.5} ${-92 + y * 0.1 - 10} ${6 + x} ${-84 + y}Q${6 + x * 0.5} ${-84 + y * 0.2} 6 -80Z`,
        ink,
      )
    return (
      shadow +
      path('M-8 0Q-6 -46 2 -82L10 -82Q4 -44 6 0Z', bark) +
      [
        [-46, 18],
        [-40, -6],
        [-22, 34],
        [44, 18],
        [38, -8],
        [26, 34],
        [4, -18],
      ]
        .map(([x = 0, y = 0]) => frond(x, y))
        .join('') +
      circle(2, -80, 4, light('#7a4a22')) +
      circle(9, -79, 4, light('#7a4a22'))
    )
  }
  const lean = random.between(-5, 5)
  return (
    shadow +
    path(`M-7 0L-4 -50L4 -50L8 0Z`, bark) +
    stroke(`M0 -34L-14 -54M0 -40L14 -58`, bark, 4) +
    ellipse(-20 + lean, -56, 24, 21, darker(ink, 0.14)) +
    ellipse(21 + lean, -56, 23, 20, darker(ink, 0.1)) +
    ellipse(lean, -74, 29, 27, ink) +
    ellipse(-8 + lean, -82, 15, 12, lighter(ink, 0.16)) +
    ellipse(12 + lean, -62, 11, 8, lighter(ink, 0.1))
  )
}

/** A sailing boat; its origin is the water line. */
export function drawBoat({ ink, light, random }: Pen): string {
  const sail = light('#fbf6e8')
  const wind = random.between(-4, 4)
  return (
    stroke('M0 -22V-98', light('#6f4a2f'), 3) +
    path(`M-4 -94Q${-34 + wind} -64 -42 -30L-4 -28Z`, sail) +
    path(`M4 -96Q${40 + wind} -66 48 -28L4 -28Z`, ink) +
    path(`M4 -62L${36 + wind * 0.5} -57L42 -46L4 -50Z`, sail) +
    polygon([0, -100, 16, -95, 0, -90], ink) +
    path('M-56 -22L58 -22Q52 2 34 4L-32 4Q-50 2 -56 -22Z', ink) +
    path('M-56 -22L58 -22L56 -15L-53 -15Z', lighter(ink, 0.45)) +
    [-22, 0, 22].map(x => circle(x, -7, 3.2, light('#fdf3cf'))).join('') +
    ellipse(0, 5, 60, 4, lighter(ink, 0.3), 'opacity="0.35"')
  )
}

export function drawCar({ ink, light, palette }: Pen): string {
  const glass = palette.lit ? light('#8fb4c9') : light('#cfe9f7')
  const wheel = (x: number) =>
    circle(x, -11, 13, light('#25262b')) + circle(x, -11, 6.5, light('#c9ccd2')) + circle(x, -11, 2, light('#55585f'))
  const beam = palette.lit ? polygon([74, -30, 130, -44, 130, -6, 74, -20], '#fff1b0', 'opacity="0.4"') : ''
  return (
    ellipse(0, 1, 80, 6, '#000000', 'opacity="0.22"') +
    beam +
    path('M-46 -38Q-34 -66 -14 -66L18 -66Q34 -66 48 -40Z', darker(ink, 0.08)) +
    path('M-38 -40Q-29 -60 -14 -60L-2 -60L-2 -40Z', glass) +
    path('M4 -60L17 -60Q29 -60 39 -40L4 -40Z', glass) +
    path('M-74 -14Q-78 -40 -56 -42L44 -42Q76 -40 76 -14Z', ink) +
    path('M-74 -20L76 -20L76 -13L-74 -13Z', darker(ink, 0.25)) +
    stroke('M1 -40V-16', darker(ink, 0.3), 1.4) +
    rect(6, -33, 9, 2.6, light('#f0ead8')) +
    ellipse(72, -27, 4, 5.5, palette.lit ? '#fff6c4' : light('#fdf3cf')) +
    rect(-76, -33, 5, 9, palette.lit ? '#ff5a4a' : light('#c8443b')) +
    wheel(-42) +
    wheel(42)
  )
}

/** A clump of three blossoms; indoors they stand in a vase. */
export function drawFlower({ ink, color, light, random, space }: Pen): string {
  const stem = light('#3f8f3f')
  const heart = color === 'yellow' ? light('#7a4a1f') : light('#f6c53a')
  const blossom = (x: number, y: number, r: number) => {
    const turn = random.between(0, 60)
    const petals = [0, 60, 120, 180, 240, 300]
      .map(angle =>
        ellipse(0, -r * 0.62, r * 0.36, r * 0.5, angle % 120 ? ink : darker(ink, 0.1), `transform="rotate(${angle})"`),
      )
      .join('')
    return `<g transform="translate(${x} ${y}) rotate(${turn.toFixed(1)})">${petals}${circle(0, 0, r * 0.3, heart)}</g>`
  }
  const leaf = (x: number, y: number, side: number) =>
    path(`M${x} ${y}q${side * 12} -16 ${side * 24} -12q${side * -6} 14 ${side * -24} 12Z`, darker(stem, 0.08))
  const vase = light(random.pick(['#dfe8ee', '#b7d3d8', '#e9dccb']))
  const base = space === 'indoor' ? -30 : 0
  return (
    ellipse(0, 0, 24, 4, '#000000', 'opacity="0.16"') +
    stroke(`M0 ${base}L0 -72M-3 ${base}Q-8 -40 -25 -54M3 ${base}Q8 -40 26 -58`, stem, 3.4) +
    leaf(0, -34, 1) +
    leaf(0, -26, -1) +
    (space === 'indoor'
      ? path('M-12 -36L12 -36Q8 -28 16 -16Q20 0 10 0L-10 0Q-20 0 -16 -16Q-8 -28 -12 -36Z', vase) +
        ellipse(-6, -13, 3, 8, lighter(vase, 0.5), 'opacity="0.7"')
      : '') +
    blossom(-26, -56, 19) +
    blossom(27, -60, 20) +
    blossom(0, -80, 26)
  )
}

/** A hot-air balloon; indoors a bunch of three on strings. */
export function drawBalloon({ ink, light, random, space }: Pen): string {
  if (space === 'indoor') {
    const one = (x: number, y: number, fill: string) =>
      stroke(`M${x} ${y + 24}Q${x * 0.2} ${y + 50} 0 0`, light('#6b6b72'), 1) +
      polygon([x - 4, y + 26, x + 4, y + 26, x, y + 20], darker(fill, 0.2)) +
      ellipse(x, y, 19, 23, fill) +
      ellipse(x - 7, y - 9, 4, 7, lighter(fill, 0.6), 'opacity="0.8"')
    return one(-22, -64, darker(ink, 0.1)) + one(22, -60, lighter(ink, 0.08)) + one(0, -78, ink)
  }
  const stripe = random.chance(0.5) ? light('#fdf6e6') : lighter(ink, 0.35)
  return (
    stroke('M-20 -40L-8 -16M20 -40L8 -16M0 -36V-16', light('#6f4a2f'), 1.4) +
    path('M-40 -66A40 40 0 1 1 40 -66Q36 -46 16 -32L-16 -32Q-36 -46 -40 -66Z', ink) +
    path('M-16 -103Q-32 -70 -10 -32L10 -32Q32 -70 16 -103Q0 -110 -16 -103Z', stripe) +
    path('M-6 -106Q-14 -70 -4 -32L4 -32Q14 -70 6 -106Z', ink) +
    path('M-40 -66Q0 -54 40 -66Q39 -60 36 -55Q0 -43 -36 -55Q-39 -60 -40 -66Z', darker(ink, 0.22)) +
    rect(-10, -16, 20, 15, light('#9a6a3a')) +
    rect(-11, -17, 22, 4, light('#6f4a2f'))
  )
}

export function drawLighthouse({ ink, light, palette }: Pen): string {
  const wall = light('#fbf7ee')
  const halfAt = (y: number) => 20 + y * 0.1
  const band = (top: number, bottom: number, fill: string) =>
    polygon([-halfAt(top), top, halfAt(top), top, halfAt(bottom), bottom, -halfAt(bottom), bottom], fill)
  const bands = [0, 1, 2, 3, 4].map(i => band(-72 + i * 14.4, -72 + (i + 1) * 14.4, i % 2 ? wall : ink)).join('')
  const beams = palette.lit
    ? polygon([0, -83, -130, -106, -130, -70], '#fff2b8', 'opacity="0.35"') +
      polygon([0, -83, 130, -106, 130, -70], '#fff2b8', 'opacity="0.35"')
    : ''
  return (
    ellipse(0, 2, 50, 9, light('#6d675f')) +
    ellipse(-14, -3, 24, 8, light('#837b71')) +
    beams +
    bands +
    rect(-4, -14, 8, 14, light('#5b3a29')) +
    rect(-3, -48, 6, 9, palette.lit ? LAMPLIGHT : light('#42525e')) +
    rect(-17, -76, 34, 5, light('#3a3f47')) +
    rect(-10, -91, 20, 15, palette.lit ? '#fff0a8' : light('#cfe6f0')) +
    stroke('M0 -91V-76', light('#3a3f47'), 1.4) +
    path('M-14 -91Q0 -108 14 -91Z', ink)
  )
}

export function drawChair({ ink, light }: Pen): string {
  const shade = darker(ink, 0.18)
  const leg = light('#5b3a29')
  return (
    ellipse(0, 0, 48, 5, '#000000', 'opacity="0.2"') +
    [-34, 30].map(x => rect(x, -14, 5, 14, leg)).join('') +
    path('M-34 -96Q0 -106 34 -96Q40 -60 36 -40L-36 -40Q-40 -60 -34 -96Z', ink) +
    [-12, 12].map(x => circle(x, -74, 2.4, shade)).join('') +
    rect(-34, -46, 68, 16, lighter(ink, 0.14), 'rx="7"') +
    rect(-36, -32, 72, 20, shade, 'rx="4"') +
    rect(-48, -60, 16, 50, lighter(ink, 0.05), 'rx="8"') +
    rect(32, -60, 16, 50, darker(ink, 0.08), 'rx="8"')
  )
}

/** A mug with steam. */
export function drawCup({ ink, light, random }: Pen): string {
  const sway = random.between(-5, 5)
  const steam = (x: number) =>
    stroke(`M${x} -74q${7 + sway} -9 0 -17q${-7 + sway} -8 0 -15`, light('#ffffff'), 3, 'opacity="0.6"')
  return (
    ellipse(4, 0, 44, 5, '#000000', 'opacity="0.2"') +
    stroke('M30 -52Q58 -54 54 -32Q50 -14 27 -17', darker(ink, 0.12), 9) +
    path('M-34 -64L34 -64L30 -8Q29 0 20 0L-20 0Q-29 0 -30 -8Z', ink) +
    path('M-24 -60L-14 -60L-14 -4L-20 -4Z', lighter(ink, 0.4), 'opacity="0.6"') +
    ellipse(0, -64, 34, 8, lighter(ink, 0.3)) +
    ellipse(0, -63, 29, 6, light('#4d2c1a')) +
    steam(-12) +
    steam(0) +
    steam(12)
  )
}

/** A floor lamp. */
export function drawLamp({ light, palette }: Pen): string {
  return (
    ellipse(0, -1, 14, 3, light('#4a3a33')) +
    stroke('M0 -2V-74', light('#4a3a33'), 3) +
    polygon([-11, -100, 11, -100, 20, -72, -20, -72], palette.lit ? '#ffe7a0' : light('#e6d3b0')) +
    (palette.lit ? circle(0, -80, 48, 'url(#lamp)') : '')
  )
}

/** A table with its top at the full height. */
export function drawTable({ light }: Pen): string {
  const wood = light('#96633a')
  return (
    ellipse(0, 0, 110, 6, '#000000', 'opacity="0.16"') +
    [-92, 82].map(x => polygon([x, -92, x + 12, -92, x + 9, 0, x + 3, 0], darker(wood, 0.25))).join('') +
    rect(-112, -100, 224, 10, wood, 'rx="3"') +
    rect(-104, -90, 208, 8, darker(wood, 0.2))
  )
}
