//! JSON read by shape: what has the expected type is kept, anything else counts as absent.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What is kept of a JSON value. A method that is left out ignores values of its type.
pub(crate) trait Keep: Default {
    /// What an object's key is reduced to, so that no key is copied.
    type Key;

    /// The key, if its value matters.
    fn key(_name: &str) -> Option<Self::Key> {
        None
    }

    /// The value is a string.
    fn text(&mut self, _text: &str) {}

    /// The value is a whole number.
    fn number(&mut self, _number: i64) {}

    /// The value is a boolean.
    fn flag(&mut self, _flag: bool) {}

    /// The value is an array: takes its next element, and tells whether there was one.
    fn element<'de, A: SeqAccess<'de>>(&mut self, array: &mut A) -> Result<bool, A::Error> {
        Ok(array.next_element::<IgnoredAny>()?.is_some())
    }

    /// The value is an object: takes the value of this key.
    fn field<'de, A: MapAccess<'de>>(&mut self, _key: Self::Key, object: &mut A) -> Result<(), A::Error> {
        object.next_value::<IgnoredAny>().map(drop)
    }
}

/// The next value of an object.
pub(crate) fn value<'de, T: Keep, A: MapAccess<'de>>(object: &mut A) -> Result<T, A::Error> {
    object.next_value::<Lenient<T>>().map(|kept| kept.0)
}

/// Any JSON value, of which `T` keeps what it wants.
pub(crate) struct Lenient<T>(pub(crate) T);

impl<'de, T: Keep> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Kept(T::default())).map(Self)
    }
}

struct Kept<T>(T);

impl<'de, T: Keep> Visitor<'de> for Kept<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(mut self, flag: bool) -> Result<T, E> {
        self.0.flag(flag);
        Ok(self.0)
    }

    fn visit_i64<E>(mut self, number: i64) -> Result<T, E> {
        self.0.number(number);
        Ok(self.0)
    }

    fn visit_u64<E>(mut self, number: u64) -> Result<T, E> {
        if let Ok(number) = i64::try_from(number) {
            self.0.number(number);
        }
        Ok(self.0)
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(self.0)
    }

    fn visit_str<E>(mut self, text: &str) -> Result<T, E> {
        self.0.text(text);
        Ok(self.0)
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut array: A) -> Result<T, A::Error> {
        while self.0.element(&mut array)? {}
        Ok(self.0)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<T, A::Error> {
        while let Some(key) = object.next_key_seed(KeyOf::<T>(PhantomData))? {
            match key {
                Some(key) => self.0.field(key, &mut object)?,
                None => drop(object.next_value::<IgnoredAny>()?),
            }
        }
        Ok(self.0)
    }
}

struct KeyOf<T>(PhantomData<T>);

impl<'de, T: Keep> DeserializeSeed<'de> for KeyOf<T> {
    type Value = Option<T::Key>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<T: Keep> Visitor<'_> for KeyOf<T> {
    type Value = Option<T::Key>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(T::key(name))
    }
}

/// A string.
#[derive(Debug, Default)]
pub(crate) struct Text(pub(crate) Option<String>);

impl Keep for Text {
    type Key = ();

    fn text(&mut self, text: &str) {
        self.0 = Some(text.to_owned());
    }
}

/// A whole number.
#[derive(Debug, Default)]
pub(crate) struct Number(pub(crate) Option<i64>);

impl Keep for Number {
    type Key = ();

    fn number(&mut self, number: i64) {
        self.0 = Some(number);
    }
}

/// A boolean; `false` if absent.
#[derive(Debug, Default)]
pub(crate) struct Flag(pub(crate) bool);

impl Keep for Flag {
    type Key = ();

    fn flag(&mut self, flag: bool) {
        self.0 = flag;
    }
}
