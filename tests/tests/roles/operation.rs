//! What supervisors and clients rely on beside the data: health, metrics, the description, the language of problems.

use reqwest::Method;
use tests::datong::Demo;
use tests::http::Door;

pub(crate) async fn supervisors_get_what_they_need(demo: &Demo) {
    let nobody = Door::new(demo.url(), "");
    assert_eq!(nobody.get("/livez").await.expect_status(200).text(), "ok");
    let ready = nobody.get("/readyz").await.expect_status(200).json();
    assert_eq!((&ready["ready"], &ready["data_version"]), (&true.into(), &1.into()));
    let metrics = nobody.get("/metrics").await.expect_status(200).text();
    for name in [
        "datong_http_requests_total{route=\"/api/v1/sql\",status=\"200\"}",
        "datong_queries_total{outcome=\"answered\"}",
        "datong_queries_total{outcome=\"DT-SQL-0005\"}",
        "datong_http_request_duration_seconds_bucket",
        "datong_data_version 1",
        "# EOF",
    ] {
        assert!(metrics.contains(name), "no {name} in:\n{metrics}");
    }
    assert!(!metrics.contains("/persons/nobody"), "an id became a label");
    let openapi = nobody.get("/api/openapi.json").await.expect_status(200).json();
    assert_eq!(openapi["openapi"], "3.1.0");
    let described = openapi["paths"].as_object().expect("paths");
    let door = Door::new(demo.url(), demo.token("police_officer"));
    for (path, operations) in described {
        let path = path.replace("{id}", "x");
        let method = if operations.get("post").is_some() { Method::POST } else { Method::GET };
        let answer = door.method(method, &path).await;
        let unrouted = answer.status == 405 || answer.text().contains("DT-REQ-0005");
        assert!(!unrouted, "{path} is described and not served: {}", answer.status);
    }
}

pub(crate) async fn problems_come_in_the_language_asked_for(demo: &Demo) {
    let door = Door::new(demo.url(), demo.token("grid_worker"));
    let path = "/api/v1/persons/nobody";
    for (language, title, detail) in [
        ("zh-CN,en;q=0.5", "对象不存在", "记录不存在或无权访问"),
        ("en-GB,zh;q=0.5", "not found", "no such record, or not visible to you"),
        ("fr", "对象不存在", "记录不存在或无权访问"),
    ] {
        let problem = door.get_in(language, path).await.expect_status(404).problem();
        assert_eq!((&problem["title"], &problem["detail"]), (&title.into(), &detail.into()), "{language}");
    }
    let stranger = Door::new(demo.url(), "a.b.c");
    let zh = stranger.get_in("zh", path).await.expect_status(401).problem();
    let en = stranger.get_in("en", path).await.expect_status(401).problem();
    assert_eq!(zh["title"], "身份未确认");
    assert_eq!(en["title"], "not authenticated");
    assert_eq!(zh["code"], en["code"]);
    let zh = door.post_sql("text/plain", b"SELECT nosuch FROM unified.person".to_vec(), "zh").await.problem();
    assert!(zh["detail"].as_str().is_some_and(|detail| detail.starts_with("字段不存在或无权访问")), "{zh}");
}
