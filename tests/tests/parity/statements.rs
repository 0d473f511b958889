//! What is asked. Rows are in a stated order, so that two answers can be compared.

pub(crate) const ALL: &[&str] = &[
    // Values of each type, and nulls.
    "SELECT 1 AS i, 2147483648 AS big, CAST(7 AS SMALLINT) AS small, CAST(8 AS INTEGER) AS plain",
    "SELECT CAST(3000000000 AS INTEGER UNSIGNED) AS wide, CAST(200 AS TINYINT UNSIGNED) AS narrow, \
     CAST(18446744073709551615 AS BIGINT UNSIGNED) AS widest",
    "SELECT true AS yes, false AS no, CAST(NULL AS BOOLEAN) AS nothing",
    "SELECT 1.5 AS half, -0.25 AS minus, CAST(1e300 AS DOUBLE) AS huge, CAST(0.1 AS FLOAT) AS single, CAST(0 AS DOUBLE) AS zero",
    "SELECT CAST(1200.50 AS DECIMAL(12, 2)) AS money, CAST(-0.01 AS DECIMAL(12, 2)) AS cents, \
     CAST(0 AS DECIMAL(12, 2)) AS none, CAST(99999999999999999999 AS DECIMAL(38, 10)) AS large, CAST(10000 AS DECIMAL(9, 0)) AS whole",
    "SELECT DATE '1984-07-19' AS d, DATE '0001-01-01' AS first, DATE '9999-12-31' AS last, CAST(NULL AS DATE) AS nothing",
    "SELECT TIMESTAMP '2026-11-22 08:00:00.123456' AS t, TIMESTAMP '1969-12-31 23:59:59' AS before",
    "SELECT '汉字' AS plain, '' AS empty, 'a\"b''c\\d' AS quoted, 'x\ty\nz' AS control, '𠮷野家' AS rare, ' ' AS space",
    "SELECT NULL AS untyped, CAST(NULL AS VARCHAR) AS text, CAST(NULL AS BIGINT) AS number, CAST(NULL AS DECIMAL(5, 1)) AS exact",
    "SELECT [1, 2, NULL] AS numbers, ['甲', 'a\"b', NULL, 'null', ''] AS texts, [DATE '2020-02-29'] AS dates",
    "SELECT 1 AS \"汉字列\", 2 AS \"With Space\", 3 AS \"UPPER\", 4 AS under_score",
    "SELECT * FROM (VALUES (1, '甲'), (2, NULL), (NULL, '丙')) AS t (n, word) ORDER BY n NULLS LAST",
    "SELECT 10 / 4 AS quotient, 10 % 4 AS rest, -7 / 2 AS minus, 10.0 / 4 AS exact, CAST(10 AS DOUBLE) / 4 AS float",
    // Masked and clear columns.
    "SELECT * FROM unified.person ORDER BY person_id LIMIT 40",
    "SELECT person_id, name, id_no, phone, birth_date FROM unified.person ORDER BY person_id LIMIT 60",
    "SELECT name AS who, id_no AS \"number\", phone AS 电话 FROM unified.person ORDER BY person_id LIMIT 20",
    "SELECT p.name FROM unified.person AS p ORDER BY p.person_id LIMIT 20",
    "SELECT phones, is_deceased, updated_at FROM unified.person ORDER BY person_id LIMIT 40",
    "SELECT * FROM unified.house ORDER BY house_id LIMIT 30",
    "SELECT * FROM unified.event ORDER BY event_id LIMIT 30",
    "SELECT * FROM unified.grid ORDER BY grid_id",
    "SELECT * FROM unified.household ORDER BY household_id LIMIT 30",
    "SELECT * FROM unified.building ORDER BY building_id LIMIT 30",
    "SELECT * FROM unified.residence ORDER BY residence_id LIMIT 30",
    "SELECT upper(name) AS loud, length(name) AS n, substr(id_no, 1, 6) AS region FROM unified.person ORDER BY person_id LIMIT 30",
    "SELECT CASE WHEN phone IS NULL THEN 'none' ELSE phone END AS phone FROM unified.person ORDER BY person_id LIMIT 30",
    "SELECT coalesce(former_name, '无') AS former FROM unified.person ORDER BY person_id LIMIT 30",
    "SELECT birth_date, extract(year FROM birth_date) AS year FROM unified.person ORDER BY person_id LIMIT 30",
    "SELECT DISTINCT sex FROM unified.person ORDER BY sex",
    // Aggregates, groups, windows.
    "SELECT count(*) AS n FROM unified.person",
    "SELECT sex, count(DISTINCT person_id) AS n FROM unified.person GROUP BY sex ORDER BY sex",
    "SELECT min(birth_date) AS least, max(birth_date) AS most, count(phone) AS phones FROM unified.person",
    "SELECT grid_id, count(*) AS n FROM unified.person GROUP BY grid_id HAVING count(*) > 3 ORDER BY n DESC, grid_id LIMIT 20",
    "SELECT avg(length(name)) AS mean, sum(length(name)) AS total FROM unified.person",
    "SELECT person_id, row_number() OVER (ORDER BY person_id) AS place FROM unified.person ORDER BY person_id LIMIT 20",
    "SELECT street_code, sex, count(DISTINCT person_id) AS n FROM unified.person GROUP BY street_code, sex ORDER BY street_code, sex",
    "SELECT array_agg(DISTINCT sex ORDER BY sex) AS sexes FROM unified.person",
    // Joins, sets, common tables, empty answers.
    "SELECT p.name, g.grid_id FROM unified.person p JOIN unified.grid g ON p.grid_id = g.grid_id ORDER BY p.person_id LIMIT 30",
    "SELECT h.household_id, p.name FROM unified.household h LEFT JOIN unified.person p ON h.head_person_id = p.person_id \
     ORDER BY h.household_id LIMIT 30",
    "WITH w AS (SELECT sex FROM unified.person) SELECT sex, count(*) AS n FROM w GROUP BY sex ORDER BY sex",
    "SELECT sex FROM unified.person UNION SELECT '9' ORDER BY sex",
    "SELECT person_id, name, birth_date, phones FROM unified.person WHERE 1 = 0",
    "SELECT name FROM unified.person WHERE name = '没有这个人' ORDER BY person_id",
    "SELECT name FROM unified.person WHERE name LIKE '王%' ORDER BY person_id LIMIT 20",
    "SELECT person_id FROM unified.person WHERE id_no IN ('11010519491231002X', 'x') ORDER BY person_id",
    // The caller's own catalogue.
    "SELECT * FROM catalog.tables ORDER BY 1",
    "SELECT * FROM catalog.columns ORDER BY 1, 2, 3 LIMIT 60",
    // Person search.
    "SELECT person_id, name FROM catalog.find_person('11010519491231002X') LIMIT 5",
    "SELECT person_id FROM catalog.find_person('110105')",
    // What is hidden, or is not there.
    "SELECT * FROM police.resident LIMIT 1",
    "SELECT * FROM sensitive.hiv LIMIT 1",
    "SELECT * FROM sensitive.person_tag ORDER BY person_id LIMIT 5",
    "SELECT * FROM unified.nothing",
    "SELECT nothing FROM unified.person",
    "SELECT nothing(1)",
    "SELECT name FROM unified.person a, unified.person b LIMIT 1",
    // What is wrong, or not a query.
    "SELEC 1",
    "SELECT",
    "SELECT 'open",
    "SELECT 1 +",
    "SELECT sum('a')",
    "SELECT 1 / 0",
    "SELECT length(name) / (length(name) - length(name)) AS n FROM unified.person",
    "SELECT CAST(name AS BIGINT) AS n FROM unified.person",
    "SELECT CAST('x' AS DATE)",
    "INSERT INTO unified.person VALUES (1)",
    "DROP TABLE unified.person",
    "EXPLAIN SELECT 1",
    // Limits.
    "SELECT a.n FROM generate_series(1, 5000) AS a (n)",
    "SELECT a.sex FROM unified.person a CROSS JOIN unified.person b",
    "SELECT 1 FROM unified.person a JOIN unified.person b USING (sex) JOIN unified.person c USING (sex) JOIN unified.person d USING (sex) \
     JOIN unified.person e USING (sex) JOIN unified.person f USING (sex) LIMIT 1",
    "SELECT 1 WHERE 1 IN (1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51)",
];

/// Runs until its time is over.
pub(crate) const LONG: &str = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 1000000000) \
                               SELECT max(n) AS n FROM r";
