//! One question, three roles, three answers: each is what the same SQL says on a copy that holds no more than the role may
//! see. The copies are made here, from the stored rows, by plain code (`copy`) that knows the shipped policies (`columns`) from
//! reading them and nothing from the product.

mod answers;
mod columns;
mod copy;
mod formats;
mod hidden;
mod lists;
mod operation;
mod records;
mod texts;

use tests::datong::Demo;

#[tokio::test]
async fn a_running_demo_gives_each_role_its_own_truth() {
    let demo = Demo::start(2_000, 7);
    let raw = demo.raw("unified.person").await;
    answers::each_role_gets_the_answer_of_its_own_copy(&demo, &raw).await;
    hidden::what_is_hidden_answers_as_what_is_not_there(&demo).await;
    formats::every_format_holds_the_same_values(&demo).await;
    lists::a_list_gives_every_record_once(&demo).await;
    records::records_catalog_and_reasons_agree(&demo).await;
    operation::supervisors_get_what_they_need(&demo).await;
    operation::problems_come_in_the_language_asked_for(&demo).await;
    lists::the_link_to_the_next_page_leads_there(&demo).await;
}
