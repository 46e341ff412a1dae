/** The few SVG elements that the scenes are made of, as strings. Lengths are in user units. */
export function ellipse(cx: number, cy: number, rx: number, ry: number, fill: string, rest = ''): string {
  return `<ellipse cx="${round(cx)}" cy="${round(cy)}" rx="${round(rx)}" ry="${round(ry)}" fill="${fill}" ${rest}/>`
}

export function circle(cx: number, cy: number, r: number, fill: string, rest = ''): string {
  return `<circle cx="${round(cx)}" cy="${round(cy)}" r="${round(r)}" fill="${fill}" ${rest}/>`
}

export function rect(x: number, y: number, width: number, height: number, fill: string, rest = ''): string {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" fill="${fill}" ${rest}/>`
}

/** A filled outline through points given as x, y, x, y, … */
export function polygon(points: number[], fill: string, rest = ''): string {
  return `<polygon points="${points.map(round).join(' ')}" fill="${fill}" ${rest}/>`
}

export function path(d: string, fill: string, rest = ''): string {
  return `<path d="${d}" fill="${fill}" ${rest}/>`
}

/** An open stroke with round ends. */
export function stroke(d: string, color: string, width: number, rest = ''): string {
  return `<path d="${d}" fill="none" stroke="${color}" stroke-width="${round(width)}" stroke-linecap="round" ${rest}/>`
}

/** Places a drawing that is 100 units tall and stands on its own origin. */
export function place(drawing: string, x: number, y: number, height: number, flip = false): string {
  const scale = height / 100
  return `<g transform="translate(${round(x)} ${round(y)}) scale(${round(flip ? -scale : scale)} ${round(scale)})">${drawing}</g>`
}

export function linearGradient(
  id: string,
  stops: readonly (readonly [number, string])[],
  rest = 'x2="0" y2="1"',
): string {
  const body = stops.map(([at, color]) => `<stop offset="${at}" stop-color="${color}"/>`).join('')
  return `<linearGradient id="${id}" ${rest}>${body}</linearGradient>`
}

/** A glow: `color` in the middle, fading to nothing at the edge. */
export function glowGradient(id: string, color: string, opacity: number): string {
  return (
    `<radialGradient id="${id}"><stop offset="0" stop-color="${color}" stop-opacity="${opacity}"/>` +
    `<stop offset="1" stop-color="${color}" stop-opacity="0"/></radialGradient>`
  )
}

export function round(value: number): number {
  return Math.round(value * 100) / 100
}
