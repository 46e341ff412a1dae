/** Outlines on a field of 24 × 24. */
const ICONS = {
  logo: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM15.5 15.5 20 20M7.5 12.3l2-2.3 1.6 1.5 1.1-1 1.6 2',
  home: 'M4 11.5 12 4.5l8 7M6 10v9.5h12V10M10 19.5v-5h4v5',
  photos: 'M4 5.5h16v13H4zM4 15.5l4.5-4.5 4 4 2.5-2.5 5 5M15.5 9.5h.01',
  search: 'M11 4.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM16 16l4 4',
  close: 'M6 6l12 12M18 6 6 18',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  picture: 'M4 5.5h16v13H4zM12 9v6M9 12h6',
  filter: 'M4 7h16M7 12h10M10 17h4',
  back: 'M19 12H5M11 6l-6 6 6 6',
  next: 'M5 12h14M13 6l6 6-6 6',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  external: 'M9 5H5v14h14v-4M13 5h6v6M19 5l-9 9',
  similar: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z',
  eye: 'M3 12s3.5-6 9-6 9 6 9 6-3.5 6-9 6-9-6-9-6ZM12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5',
  label: 'M4 5h8l8 8-7 7-8.5-8.5zM8 9h.01',
  map: 'M9 5 4 7v12l5-2 6 2 5-2V5l-5 2zM9 5v12M15 7v12',
  duplicates: 'M8 8h12v12H8zM16 8V4H4v12h4',
  runs: 'M4 18V9M10 18V5M16 18v-7M21 18H3',
  offline:
    'M4 4l16 16M8.5 12.5a5 5 0 0 1 2-1.2M5.5 9.5a9 9 0 0 1 2.5-1.7M12 8c2.6 0 4.9 1 6.5 2.5M15.5 13.5M12 17.5h.01',
  alert: 'M12 4 2.5 20h19zM12 10v4.5M12 17.2h.01',
  key: 'M8 11a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM11 12.2 19.5 4M15.5 8l2.5 2.5',
  leave: 'M14 5H6v14h8M11 12h9M16.5 8.5 20 12l-3.5 3.5',
  pause: 'M8.5 5.5v13M15.5 5.5v13',
  play: 'M8 5l11 7-11 7z',
  retry: 'M19 12a7 7 0 1 1-2-5M19 4v4h-4',
  chevron: 'M7 10l5 5 5-5',
} as const

export type IconName = keyof typeof ICONS

/** An outline in the colour of the text. The text beside it, or the label of its button, names it. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={ICONS[name]} />
    </svg>
  )
}
