// Photos with random directions as embeddings of the model that is registered, by SQL.
const AT_ONCE = 5000

/** Adds photos up to a number; those that are there stay. */
export async function fillPhotos(database, count) {
  const [{ id, dimension }] = await database.query('select id, dimension from models order by id limit 1')
  await database.query(
    `insert into photos (photo_id, photo_image_url, photo_description, photo_location_country, photo_location_city,
                         photo_location_latitude, photo_location_longitude, photo_submitted_at, photo_featured, exif_iso,
                         exif_camera_make, exif_camera_model, photographer_username, photo_width, photo_height)
     select 'photo-' || i, 'https://images.example/' || i, 'photo number ' || i, 'country ' || i % 30, 'city ' || i % 900,
            i::bigint * 7919 % 150 - 70 + random(), i::bigint * 104729 % 350 - 175 + random(), timestamp '2015-01-01' + i * interval '1 hour',
            i % 50 = 0, 100 * (i % 64), 'maker ' || i % 12, 'camera ' || i % 200, 'somebody-' || i % 3000,
            case i % 3 when 0 then 4000 else 6000 end, case i % 3 when 1 then 4000 else 6000 end
       from generate_series(1, $1::integer) as i
     on conflict do nothing`,
    [count],
  )
  await database.query(
    `insert into photo_keywords (photo_id, keyword)
     select 'photo-' || i, 'keyword ' || i * step % 400
       from generate_series(1, $1::integer) as i cross join unnest(array[1, 7, 31]) as step
     on conflict do nothing`,
    [count],
  )
  for (let from = 1; from <= count; from += AT_ONCE)
    await database.query(
      `insert into embeddings (model_id, photo_id, embedding, stored_key)
       select $1, 'photo-' || i,
              (select l2_normalize(array_agg(random() - 0.5 + 0 * dimension)::vector)::halfvec
                 from generate_series(1, $2) as dimension where photo.i > 0),
              'h512-q65/photo-' || i || '.jpg'
         from generate_series($3::integer, $4::integer) as photo (i)
       on conflict do nothing`,
      [id, dimension, from, Math.min(count, from + AT_ONCE - 1)],
    )
  await database.query('analyze')
}
