import { useEffect, useRef } from 'preact/hooks'
import { labelSetNames } from '../../api/labels.js'
import { type Colors, projectionColors, projectionPoints, projections } from '../../api/projections.js'
import { restorePlace } from '../../app/navigation.js'
import { Failure } from '../../components/states/Failure.js'
import { useResource } from '../../state/resource.js'
import { Legend } from './Legend.js'
import { MapTools } from './MapTools.js'
import { mapState } from './map-state.js'
import { NoProjections } from './NoProjections.js'
import { PointMap } from './PointMap.js'
import { useSize } from './use-camera.js'
import { useTheme } from './use-theme.js'

/** A map of all photos: similar ones lie close together. */
export function ProjectionMap() {
  const listed = useResource('projections', projections)
  useEffect(() => {
    document.title = 'Map – unsplash-clip'
  }, [])
  useEffect(() => {
    if (listed.value) restorePlace()
  }, [listed.value])
  if (listed.error !== undefined) return <Failure error={listed.error} retry={listed.retry} />
  if (!listed.value) return <div class="view-pending" />
  if (listed.value.length === 0) return <NoProjections />
  const { projection } = mapState()
  const shown = listed.value.find(({ name }) => name === projection) ?? listed.value.at(-1)!
  return (
    <OneProjection
      key={`${shown.name} ${shown.created_at}`}
      shown={shown}
      names={listed.value.map(each => each.name)}
    />
  )
}

interface Props {
  shown: { name: string; photos: number; created_at: string }
  names: readonly string[]
}

function OneProjection({ shown: { name, photos, created_at: since }, names }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const size = useSize(box)
  const theme = useTheme()
  const { by, only } = mapState()
  const points = useResource(`points ${name} ${since}`, () => projectionPoints(name))
  const sets = useResource('names of label sets', labelSetNames)
  const facet = by ?? sets.value?.[0] ?? null
  const colors = useResource<Colors | null>(`colors ${name} ${since} ${facet}`, async () =>
    facet === null ? null : projectionColors(name, facet),
  )
  const trouble = [points, sets, colors].find(({ error }) => error !== undefined)
  if (trouble) return <Failure error={trouble.error} retry={trouble.retry} />
  const chosen = colors.value?.values.findIndex(({ value }) => value === only) ?? -1
  return (
    <div class="projection">
      <MapTools photos={photos} names={names} name={name} sets={sets.value ?? []} facet={facet} />
      <div ref={box} class="points-box" aria-busy={!points.value}>
        {points.value && size && size.width > 0 && (
          <PointMap
            points={points.value}
            colors={colors.value ?? null}
            only={chosen < 0 ? null : chosen}
            size={size}
            theme={theme}
          />
        )}
      </div>
      {/* Before the colours are there, their place is kept, so that the map keeps its size. */}
      {colors.value ? (
        <Legend colors={colors.value} only={only} photos={photos} theme={theme} />
      ) : (
        <div class="legend" />
      )}
    </div>
  )
}
