-- An invented table of residents, equal for equal count and seed. About 0.7% of the rows break each rule of `rules.py`.
-- The last character of an ID number is random, so that almost no number is valid.
CREATE MACRO draw(i, what, n) AS CAST(hash(i, {seed}, what) % n AS BIGINT);
CREATE MACRO hit(i, what) AS draw(i, what, 1000) < 7;
COPY (
  WITH village AS (
    SELECT code, row_number() OVER (ORDER BY code) - 1 AS place
    FROM read_csv('{divisions}', all_varchar = true)
    WHERE length(code) = 12 AND valid_to IS NULL
  ), person AS (
    -- A row with the number of the row before is the same person again.
    SELECT i, CASE WHEN hit(i, 'twice') AND i > 1 THEN i - 1 ELSE i END AS k FROM range(1, {rows} + 1) AS t (i)
  ), born AS (
    SELECT i, k, DATE '1931-01-01' + CAST(k * 9973 % 34000 AS INTEGER) AS born, (k * 7 // 34000) % 1000 AS sequence FROM person
  ), numbered AS (
    SELECT *, sequence % 2 = 1 AS male, born > DATE '2006-03-02' AS young,
      draw(i, 'which village', (SELECT count(*) FROM village)) AS chosen,
      concat('3706', lpad(CAST(2 + k // 4857000 AS VARCHAR), 2, '0'), strftime(born, '%Y%m%d'),
        lpad(CAST(sequence AS VARCHAR), 3, '0'), substr('0123456789X', 1 + draw(k, 'check', 11), 1)) AS number
    FROM born
  )
  SELECT
    i AS row_no,
    CASE WHEN hit(i, 'id') THEN concat(left(number, 16), 'O', right(number, 1)) ELSE number END AS resident_id,
    CASE WHEN NOT hit(i, 'name') THEN concat(substr('王李张刘陈杨黄赵吴周', 1 + draw(i, 'family', 10), 1),
      substr('伟芳娜敏静丽强磊军洋', 1 + draw(i, 'given', 10), 1)) END AS name,
    CASE WHEN hit(i, 'sex') THEN 'X' WHEN male <> hit(i, 'other sex') THEN '1' ELSE '2' END AS sex,
    CASE WHEN hit(i, 'no birth') THEN NULL WHEN hit(i, 'old') THEN born - INTERVAL 150 YEAR
      WHEN hit(i, 'year') THEN born - INTERVAL 1 YEAR ELSE born END::DATE AS birth_date,
    CASE WHEN hit(i, 'group') THEN '99' ELSE lpad(CAST(1 + draw(i, 'which group', 56) AS VARCHAR), 2, '0') END
      AS ethnic_group,
    CASE WHEN NOT hit(i, 'no household') THEN concat(CASE WHEN hit(i, 'household') THEN 'N' ELSE 'H' END,
      lpad(CAST(i // 3 AS VARCHAR), 10, '0')) END AS household_no,
    CASE WHEN hit(i, 'relation') THEN '户' ELSE ['02', '10', '20', '30'][1 + draw(i, 'which relation', 4)] END
      AS relation,
    CASE WHEN hit(i, 'marital') THEN '00' WHEN young AND draw(i, 'married', 100) >= 4 THEN '10'
      ELSE ['20', '21', '22', '23'][1 + draw(i, 'which marital', 4)] END AS marital_status,
    CASE WHEN draw(i, 'no day', 100) < 2 THEN NULL WHEN hit(i, 'day') THEN born - 400
      ELSE born + CAST(draw(i, 'which day', 3000) AS INTEGER) END AS registered_on,
    CASE WHEN draw(i, 'no income', 10) < 3 THEN NULL WHEN hit(i, 'income') THEN -1.0
      ELSE draw(i, 'which income', 2000000) / 100 END::DOUBLE AS monthly_income,
    CASE WHEN hit(i, 'size') THEN 99 ELSE 1 + draw(i, 'which size', 8) END::BIGINT AS household_size,
    CASE WHEN NOT hit(i, 'no village') THEN CASE WHEN hit(i, 'village') THEN '370602' ELSE code END END AS village_code,
    CASE WHEN draw(i, 'no phone', 10) < 2 THEN NULL ELSE concat('1', CASE WHEN hit(i, 'phone') THEN '0' ELSE '3' END,
      lpad(CAST(draw(i, 'which phone', 1000000000) AS VARCHAR), 9, '0')) END AS phone
  FROM numbered JOIN village ON place = chosen
  ORDER BY i
) TO '{target}' (FORMAT parquet, COMPRESSION zstd);
