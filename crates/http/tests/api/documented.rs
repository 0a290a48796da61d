//! The document is served.

use crate::bed::Bed;

#[actix_web::test]
async fn the_document_is_served() {
    let bed = Bed::sqlite().await;
    let document = bed.found("/api/v1/openapi.json").await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3."), "{document}");
    assert_eq!(document["info"]["title"], "tinyforge-reconciler");
}
