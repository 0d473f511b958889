//! Measure.
mod city;
use city::*;
#[test]
fn measure() {
    let mut c = City::new();
    let n: u32 = std::env::var("N").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    let sur: Vec<char> = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹".chars().collect();
    let giv: Vec<char> = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华文建国红玉梅".chars().collect();
    for i in 0..n {
        let name = format!("{}{}{}", sur[(i % 30) as usize], giv[(i / 30 % 30) as usize], giv[(i / 900 % 30) as usize]);
        let birth = format!("19{:02}{:02}{:02}", 40 + i % 60, 1 + i / 60 % 12, 1 + i / 7 % 28);
        let dashed = format!("{}-{}-{}", &birth[..4], &birth[4..6], &birth[6..]);
        let id = id_no(&birth, i % 999);
        let addr = format!("浙江省杭州市西湖区翠苑街道小区{}苑{}幢{}单元{}01室", i / 3 / 600, i / 3 / 36 % 20, i / 3 / 12 % 3, i / 3 % 12);
        let phone = format!("139{:08}", i);
        let k = i.to_string();
        let hh = (i / 3).to_string();
        c.row("police.resident", &[("record_no", &k), ("name", &name), ("id_no", &id), ("birth_date", &dashed), ("current_address", &addr), ("registered_address", &addr), ("phone", &phone), ("household_no", &hh), ("updated_at", "2026-01-01T00:00:00")]);
        c.row("health.archive", &[("archive_no", &k), ("name", &name), ("birth_date", &dashed), ("phone", &phone), ("current_address", &addr)]);
        if i % 3 == 0 { c.row("housing.property", &[("cert_no", &k), ("address", &addr), ("owner_name", &name), ("owner_id_no", &id)]); }
        if i % 2 == 0 { c.row("health.chronic_visit", &[("visit_no", &k), ("archive_no", &k), ("name", &name), ("visit_on", "2026-01-01")]); }
        if i % 5 == 0 { c.row("grid.event", &[("event_no", &k), ("reporter_name", &name), ("reporter_phone", &phone), ("reported_at", "2026-06-01T08:00:00"), ("place", &addr)]); }
    }
    let tables = c.tables(8192);
    let rss = || std::fs::read_to_string("/proc/self/status").unwrap().lines().find(|l| l.starts_with("VmRSS")).unwrap().to_owned();
    println!("rows {} before {}", c.rows.len(), rss());
    let cpu = || std::time::Duration::from_nanos(std::fs::read_to_string("/proc/thread-self/schedstat").unwrap().split(' ').next().unwrap().parse().unwrap());
    let t = cpu();
    let mut last = t;
    let linked = linkage::link(&linkage::LinkInput { registry: &c.registry, tables: &tables, previous: None, today: today(), now_us: micros("2026-06-30T12:00:00") }, &mut |w| { println!("{:?} then {w} {}", cpu().saturating_sub(last), rss()); last = cpu(); }).unwrap();
    println!("{:?} total {:?} {}", cpu().saturating_sub(last), cpu() - t, rss());
    println!("{:?}", linked.report);
    let t = cpu();
    let again = linkage::link(&linkage::LinkInput { registry: &c.registry, tables: &tables, previous: Some(&linked.identities), today: today(), now_us: micros("2026-06-30T12:00:00") }, &mut |_| {}).unwrap();
    println!("again {:?}", cpu() - t);
    assert_eq!(again.identities, linked.identities);
}
